"""Measure `unjam check` on faults that maintainers fixed, and on the fixed places, which are innocent.

Each commit is exported without its tests from `MIRRORS/owner+name/repo`, checked, and deleted. A fault counts as found
where a line of its call is a finding's, or calls what leads to one. A fixed place counts as accused where a finding is
on it, or its way leads over it. What ended is appended to the file of results and is not run again.
"""

import argparse
import datetime as dt
import gc
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from unjam.model.findings import Grade
from unjam.static.analysis import Analysis
from unjam.static.check import Options, asked
from unjam.static.config import Config
from unjam.static.project import Settings, found
from unjam.static.result import Severity

# Sources only, as a snapshot may lack its largest files. Tests and cookbooks are two thirds of the largest repositories.
WITHOUT = [f":(exclude,glob)**/{name}/**" for name in ("tests", "test", "cookbook", "evals", "evaluation")]
PATTERNS = (["*.py", *WITHOUT], ["pyproject.toml"])


def exported(mirrors, repository, commit, folder):
    clone = Path(mirrors, repository.replace("/", "+"), "repo")
    for patterns in PATTERNS:
        archive = ["git", "-C", str(clone), "archive", commit, "--", *patterns]
        tar = subprocess.run(archive, capture_output=True, check=False)
        if tar.returncode == 0:
            subprocess.run(["tar", "-x", "-C", folder], input=tar.stdout, check=True)
    if not any(Path(folder).rglob("*.py")):
        raise SystemExit(f"{repository} at {commit} could not be exported")


def analysed(folder, flags):
    project = found([folder], Settings(environment=flags.environment))
    options = Options(dt.date(2026, 1, 1), libraries=not flags.no_libs)
    analysis = Analysis(project, options, Config(), lambda text: print(f"    {text}", file=sys.stderr))
    gc.disable()  # as the command does
    run = asked(project)
    try:
        analysis.result(run)
    finally:
        run.close()
    gc.enable()
    return analysis


def written(analysis, file, row):
    """The lines of the call that was fixed."""
    outline = analysis.program.outlines.get(file)
    name = row["call"].rpartition(".")[2]
    for site in outline.calls if outline else ():
        if site.span[0] <= row["line"] <= site.span[2] and site.text.rpartition(".")[2] == name:
            return range(site.span[0], site.span[2] + 1)
    return range(row["line"], row["line"] + 1)


def below(analysis, file, lines):
    """Everything that the calls on the lines lead to: path and name, with how many calls down."""
    reach, functions = analysis.reach, analysis.program.functions
    waiting = [
        edge.callee
        for function in reach.functions()
        if function.path == file
        for edge in reach.edges(function)
        if edge.line in lines
    ]
    depths = dict.fromkeys(waiting, 1)
    for symbol in waiting:
        for edge in reach.edges(functions[symbol]):
            if edge.callee not in depths:
                depths[edge.callee] = depths[symbol] + 1
                waiting.append(edge.callee)
    return {(functions[symbol].path, functions[symbol].name): depth for symbol, depth in depths.items()}


def fault(row, analysis, folder):
    """The worst finding that covers a fault, and how many calls of the project are between them; or nothing."""
    file = str(Path(folder, row["file"]))
    lines = written(analysis, file, row)
    deep = below(analysis, file, lines)
    hits = []
    for problem in analysis.problems:
        on_it = problem.path == file and {problem.line, *problem.also} & set(lines)
        depth = 0 if on_it else deep.get((problem.path, problem.finding.culprit.function))
        if problem.finding.grade > Grade.SUSPECTED and depth is not None:
            hits.append((problem, depth))
    if not hits:
        return {"severity": ""}
    problem, depth = max(hits, key=lambda hit: (hit[0].severity, -hit[1]))
    return {**_said(problem), "depth": depth}


def fixed(row, analysis, folder):
    """The worst finding shown by default that accuses the fixed place, or nothing."""
    place = str(Path(folder, row["file"])), row["fixed_line"]
    hits = [
        problem
        for problem in analysis.problems
        if problem.severity > Severity.NOTE
        and place in {(problem.path, problem.line), *((link.file, link.line) for link in problem.finding.chain)}
    ]
    return _said(max(hits, key=lambda problem: problem.severity)) if hits else {"severity": ""}


def _said(problem):
    return {"severity": problem.severity.label, "rule": problem.rule, "leaf": problem.finding.leaf}


JUDGES = {"fault": fault, "fixed": fixed}


def groups(rows):
    """What to run: the rows by kind, repository and commit."""
    made = defaultdict(list)
    for row in rows:
        made["fault", row["repository"], row["commit"]].append(row)
        if row.get("mended", True):
            made["fixed", row["repository"], row["fix"]].append(row)
    return made


def key(row):
    return row["repository"], row["file"], row["line"], row["call"]


def run(flags, kind, repository, commit, rows):
    folder = tempfile.mkdtemp(prefix="measure-")
    try:
        exported(flags.mirrors, repository, commit, folder)
        started = time.monotonic()
        analysis = analysed(folder, flags)
        seconds = round(time.monotonic() - started, 1)
        for row in rows:
            known = {"kind": kind, "key": key(row), "at": commit, "aside": row["aside"], "seconds": seconds}
            yield known | JUDGES[kind](row, analysis, folder)
    finally:
        shutil.rmtree(folder)


def results(path):
    lines = path.read_text().splitlines() if path.exists() else ()
    return [json.loads(line) for line in lines]


def figures(rows, kept):
    """Print each result of the rows, and the shares."""
    by_key = {(each["kind"], *each["key"]): each for each in kept}
    for kind, libraries, title in (
        ("fault", None, "faults found"),
        ("fault", True, "of them with a leaf in a library"),
        ("fixed", None, "fixed places accused"),
    ):
        known = [by_key.get((kind, *key(row))) for row in rows if libraries in {None, row.get("third_party")}]
        done = [each for each in known if each]
        hits = [each for each in done if each["severity"]]
        shown = sum(each["severity"] != "note" for each in hits)
        share = 100 * len(hits) / max(len(done), 1)
        print(f"{title}: {len(hits)} of {len(done)} run ({share:.0f} %), {shown} without --notes; {len(known)} in all")


def flags_of(words):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mirrors", type=Path)
    parser.add_argument("faults", type=Path)
    parser.add_argument("--results", type=Path, default=Path("results.jsonl"))
    parser.add_argument("--aside", action="store_true", help="the half for the final figure")
    parser.add_argument("--kind", choices=tuple(JUDGES), default="fault")
    parser.add_argument("--environment", default="")
    parser.add_argument("--no-libs", action="store_true")
    parser.add_argument("--only", default="", help="part of owner/name@commit")
    parser.add_argument("--figures", action="store_true", help="run nothing, print what the results come to")
    return parser.parse_args(words)


def main(words):
    flags = flags_of(words)
    rows = [json.loads(line) for line in flags.faults.read_text().splitlines()]
    rows = [row for row in rows if row["aside"] == flags.aside]
    kept = results(flags.results)
    if flags.figures:
        return figures(rows, kept)
    done = {(each["kind"], each["key"][0], each["at"]) for each in kept}
    for (kind, repository, commit), group in groups(rows).items():
        wanted = kind == flags.kind and flags.only in f"{repository}@{commit}"
        if not wanted or (kind, repository, commit) in done:
            continue
        print(f"{kind} {repository}@{commit}", file=sys.stderr)
        for row, each in zip(group, run(flags, kind, repository, commit, group), strict=True):
            with flags.results.open("a") as stream:
                stream.write(json.dumps(each) + "\n")
            place = f"{repository} {row['file']}:{row['line']} {row['call']}"
            print(f"{each['severity'] or '-':8} {each.get('rule', ''):6} {each.get('leaf', ''):40} {place}")
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
