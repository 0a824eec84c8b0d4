"""Find faults that maintainers fixed: a call that a commit handed to a thread, or replaced by that of an async client.

Usage: python harvest.py REPOSITORY_FOLDER NAME >> faults.jsonl

Prints references only: repository, the commit before the fix, file, line, the callable's name. No code is kept.
"""

import ast
import json
import re
import subprocess
import sys
from functools import cache

OFFLOADED = re.compile(
    r"(?:to_thread|run_in_threadpool|sync_to_async|to_thread\.run_sync|run_sync|"
    r"run_in_executor\(\s*(?:None|self\.\w+|\w+)\s*,|async_add_executor_job|sys_run_in_executor|run_sync_in_worker_thread)"
    r"\s*\(?\s*(?:functools\.partial\(|partial\()?\s*([A-Za-z_][\w.]*)"
)
SLEEP = re.compile(r"await (?:asyncio|anyio|trio)\.sleep\(")
ANY_OFFLOAD = re.compile(r"to_thread|executor|threadpool|run_sync|sync_to_async|in_thread")
TWINS = (
    "AsyncOpenAI|AsyncAzureOpenAI|AsyncAnthropic|AsyncGroq|AsyncMistral|httpx\\.AsyncClient|aiohttp\\.ClientSession|aioboto3|"
    "redis\\.asyncio|AsyncMongoClient|AsyncIOMotorClient|asyncpg|AsyncQdrantClient|AsyncElasticsearch|AsyncTavilyClient|"
    "AsyncClient\\(|AsyncSession"
)
"""Names of async clients: a commit that brings one, and awaits in place of a call, replaced the call of a sync one."""
BROUGHT = re.compile(TWINS)
CALLED = re.compile(r"(?<![\w.])([A-Za-z_][\w.]*\.\w+)\(")
SYNC_HTTP = re.compile(r"requests\.(?:get|post|put|patch|delete|head|request)|httpx\.(?:get|post|put|delete|Client)")
HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)")


def git(folder, *words):
    return subprocess.run(
        ["git", "-C", folder, *words], capture_output=True, text=True, errors="replace", check=True
    ).stdout


def fixes(folder):
    pattern = r"to_thread|run_in_executor|executor_job|run_in_threadpool|run_sync|asyncio\.sleep|" + TWINS
    log = git(folder, "log", "--no-merges", "--format=%H", "-G", pattern, "--", "*.py")
    return log.split()


def hunks(folder, commit):
    file, removed, added = "", [], []
    line = new = 0
    for text in git(folder, "show", "--format=", "-U0", commit, "--", "*.py").splitlines():
        header = HUNK.match(text)
        if text.startswith("--- ") or header:
            if removed or added:
                yield file, removed, added
            removed, added = [], []
            if header:
                line, new = int(header[1]), int(header[3])
            else:
                file = text[6:] if text.startswith("--- a/") else ""
        elif text.startswith("-"):
            removed.append((line, text[1:]))
            line += 1
        elif text.startswith("+") and not text.startswith("+++"):
            added.append((new, text[1:]))
            new += 1
    if removed or added:
        yield file, removed, added


@cache
def coroutine_lines(folder, commit, file):
    """Lines whose innermost function is a coroutine before the fix: elsewhere a call may well have been in a thread."""
    try:
        tree = ast.parse(git(folder, "show", f"{commit}^:{file}"))
    except (SyntaxError, ValueError, subprocess.CalledProcessError):
        return set()
    kinds = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            for line in range(node.lineno, node.end_lineno + 1):
                known = kinds.get(line)
                if known is None or node.lineno >= known.lineno:
                    kinds[line] = node
    return {line for line, node in kinds.items() if isinstance(node, ast.AsyncFunctionDef)}


def faults(folder, commit):
    for file, removed, added in hunks(folder, commit):
        if not file or re.search(r"(^|/)tests?(/|_)|test_|conftest", file):
            continue
        whole = " ".join(text for _, text in added)
        if any(ANY_OFFLOAD.search(text) for _, text in removed):
            continue
        for name in dict.fromkeys(OFFLOADED.findall(whole)):
            if name in {"lambda", "self", "None"}:
                continue
            spot = next((line for line, text in removed if re.search(rf"(?<![\w.]){re.escape(name)}\s*\(", text)), None)
            if spot is not None and not re.search(r"def " + re.escape(name), " ".join(text for _, text in removed)):
                fixed = next((line for line, text in added if name in text), added[0][0])
                yield file, spot, name, fixed
        if SLEEP.search(whole):
            spot = next((line for line, text in removed if "time.sleep(" in text), None)
            if spot is not None:
                yield file, spot, "time.sleep", added[0][0]


def replaced(folder, commit):
    """Calls of a sync client in whose place an async one is awaited, in a commit that brings its name."""
    changes = [
        change for change in hunks(folder, commit) if not re.search(r"(^|/)tests?(/|_)|test_|conftest", change[0])
    ]
    if not any(BROUGHT.search(text) for _, _, added in changes for _, text in added):
        return
    turned = {name for _, _, added in changes for _, text in added for name in re.findall(r"async def (\w+)", text)}
    for file, removed, added in changes:
        awaited = [(line, text) for line, text in added if re.search(r"\bawait\b|async (?:with|for)", text)]
        for line, text in removed:
            found = CALLED.search(text)
            if not file or not awaited or found is None or re.search(r"\bawait\b|async (?:with|for)", text):
                continue
            name, tail = found[1], found[1].rpartition(".")[2]
            same = next((number for number, new in awaited if f"{tail}(" in new and name in new), None)
            http = awaited[0][0] if SYNC_HTTP.fullmatch(name) else None
            if tail not in turned and (same or http):
                yield file, line, name, same or http


def main(folder, name):
    for commit in fixes(folder):
        for file, line, call, fixed in [*faults(folder, commit), *replaced(folder, commit)]:
            if line not in coroutine_lines(folder, commit, file):
                continue
            parent = git(folder, "rev-parse", f"{commit}^").strip()
            row = {"repository": name, "commit": parent, "file": file, "line": line, "call": call}
            print(json.dumps(row | {"fix": commit, "fixed_line": fixed}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
