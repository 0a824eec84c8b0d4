"""Draw findings at random, for reading: of 40 at least 36 should truly block and 32 be worth acting on.

Usage: python sample.py COUNT SEED MIRRORS OWNER/NAME[@COMMIT] ... [--environment=FOLDER]

Checks each repository as a user would (the newest commit unless one is named), and prints COUNT of all errors and warnings
outside tests with their line, way and route. The judgement is a reader's.
"""

import random
import shutil
import sys
import tempfile
from pathlib import Path

from measure import analysed, exported

from unjam.static.project import is_test
from unjam.static.result import Severity


def findings(mirrors, repository, commit):
    folder = tempfile.mkdtemp(prefix="sample-")
    try:
        exported(mirrors, repository, commit, folder)
        analysis = analysed(folder)
        for problem in analysis.problems:
            if problem.severity > Severity.NOTE and not is_test(problem.path):
                lines = Path(problem.path).read_text(errors="replace").splitlines()
                yield repository, folder, problem, lines
    finally:
        shutil.rmtree(folder)


def shown(repository, folder, problem, lines):
    finding = problem.finding
    place = f"{repository} {problem.path.removeprefix(folder + '/')}:{problem.line}"
    yield f"{place} {problem.rule} {problem.severity.label} {finding.grade.label} {finding.leaf}  [{problem.route}]"
    yield from (
        f"    {number} {lines[number - 1]}"
        for number in range(max(problem.line - 2, 1), min(problem.line + 3, len(lines) + 1))
    )
    way = (f"{link.function}:{link.line}" for link in finding.chain)
    yield "    way: " + " > ".join(way)


def main(count, seed, mirrors, *repositories):
    found = []
    for word in repositories:
        if not word.startswith("--"):
            repository, _, commit = word.partition("@")
            new = list(findings(mirrors, repository, commit or "HEAD"))
            print(f"{repository}: {len(new)} errors and warnings", file=sys.stderr, flush=True)
            found += new
    for each in random.Random(int(seed)).sample(found, min(int(count), len(found))):
        print("\n".join(shown(*each)))


if __name__ == "__main__":
    main(*sys.argv[1:])
