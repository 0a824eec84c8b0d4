"""Measure `unjam check` on faults that maintainers fixed, and on the fixed places, which are innocent.

Usage: python measure.py MIRRORS faults.jsonl [--aside] [--innocent] [--libs] [--environment=FOLDER]

MIRRORS holds one clone a repository, `owner+name/repo`. Each commit is exported to a folder of its own, checked, and deleted.
A fault counts as found where a line of its call is a finding's, or calls what leads to one. A fixed place counts as
accused where a finding is on it, or its way leads over it.
"""

import datetime as dt
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
from unjam.static.check import Options
from unjam.static.config import Config
from unjam.static.project import Settings, found
from unjam.static.result import Severity


def exported(mirrors, repository, commit, folder):
    clone = Path(mirrors, repository.replace("/", "+"), "repo")
    # Sources only: a snapshot may lack its largest files.
    for pattern in ("*.py", "pyproject.toml"):
        archive = ["git", "-C", str(clone), "archive", commit, "--", pattern]
        tar = subprocess.run(archive, capture_output=True, check=False)
        if tar.returncode == 0:
            subprocess.run(["tar", "-x", "-C", folder], input=tar.stdout, check=True)
    if not any(Path(folder).rglob("*.py")):
        raise SystemExit(f"{repository} at {commit} could not be exported")


def analysed(folder):
    """The analysis of a folder, by the flags of this program."""
    options = Options(dt.date(2026, 1, 1), libraries="--libs" in sys.argv)
    environment = next((word[14:] for word in sys.argv if word.startswith("--environment=")), "")
    analysis = Analysis(found([folder], Settings(environment=environment)), options, Config(), lambda _text: None)
    analysis.result()
    return analysis


def checked(mirrors, repository, commit):
    folder = tempfile.mkdtemp(prefix="measure-")
    try:
        exported(mirrors, repository, commit, folder)
        started = time.monotonic()
        return analysed(folder), folder, time.monotonic() - started
    finally:
        shutil.rmtree(folder)


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


def judged(rows, analysis, folder):
    """Each fault with the finding that covers it, or None, and how many calls of the project are between them."""
    for row in rows:
        file = str(Path(folder, row["file"]))
        lines = written(analysis, file, row)
        deep = below(analysis, file, lines)
        hits = []
        for problem in analysis.problems:
            on_it = problem.path == file and {problem.line, *problem.also} & set(lines)
            depth = 0 if on_it else deep.get((problem.path, problem.finding.culprit.function))
            if problem.finding.grade > Grade.SUSPECTED and depth is not None:
                hits.append((problem, depth))
        yield row, *max(hits, key=lambda hit: (hit[0].severity, -hit[1]), default=(None, None))


def main(mirrors, faults, *flags):
    rows = [json.loads(line) for line in Path(faults).read_text().splitlines()]
    wanted = [row for row in rows if row["aside"] == ("--aside" in flags)]
    before, after = defaultdict(list), defaultdict(list)
    for row in wanted:
        before[row["repository"], row["commit"]].append(row)
        if row.get("mended", True):
            after[row["repository"], row["fix"]].append(row)
    seen = shown = 0
    for (repository, commit), group in before.items():
        analysis, folder, seconds = checked(mirrors, repository, commit)
        lines = sum(each.lines for each in analysis.program.outlines.values())
        print(f"{repository} {commit[:8]} {lines} lines {seconds:.1f} s", file=sys.stderr)
        for row, best, depth in judged(group, analysis, folder):
            seen += best is not None
            shown += best is not None and best.severity > Severity.NOTE
            word = f"{best.severity.label} {best.rule} {best.finding.leaf} depth {depth}" if best else "MISSED"
            print(f"{word:58} {repository} {commit[:8]} {row['file']}:{row['line']} {row['call']}")
    print(
        f"found {seen} of {len(wanted)} ({100 * seen / max(len(wanted), 1):.0f} %), {shown} of them shown without --notes"
    )
    if "--innocent" in flags:
        innocent(mirrors, after)


def innocent(mirrors, after):
    accused = 0
    count = sum(map(len, after.values()))
    for (repository, commit), group in after.items():
        analysis, folder, _ = checked(mirrors, repository, commit)
        for row in group:
            place = str(Path(folder, row["file"])), row["fixed_line"]
            hits = [
                problem
                for problem in analysis.problems
                if problem.severity > Severity.NOTE
                and place in {(problem.path, problem.line), *((link.file, link.line) for link in problem.finding.chain)}
            ]
            accused += bool(hits)
            for problem in hits:
                where = f"{repository} {commit[:8]} {row['file']}:{row['fixed_line']}"
                print(f"ACCUSED {problem.rule} {problem.finding.leaf} {where}")
    print(f"accused {accused} of {count} fixed places")


if __name__ == "__main__":
    main(*sys.argv[1:])
