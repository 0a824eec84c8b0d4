"""Draw findings at random, for reading: of 40 at least 36 should truly block and 32 be worth acting on.

Usage: python sample.py gather MIRRORS OWNER/NAME[@COMMIT] ... [--libs] [--environment=FOLDER] >> found.jsonl
       python sample.py draw COUNT SEED found.jsonl [MOST]

`gather` checks each repository as a user would (the newest commit unless one is named), and prints a line for each error and
warning outside tests: with the source around it, its way and route. `draw` prints COUNT of them at random, at most MOST of one
repository, as one code base would otherwise be most of a sample. The judgement is a reader's.
"""

import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from measure import analysed, exported

from unjam.static.project import is_test
from unjam.static.result import Severity


def findings(mirrors, repository, commit):
    folder = tempfile.mkdtemp(prefix="sample-")
    try:
        exported(mirrors, repository, commit, folder)
        for problem in analysed(folder).problems:
            if problem.severity > Severity.NOTE and not is_test(problem.path):
                lines = Path(problem.path).read_text(errors="replace").splitlines()
                yield {"repository": repository, "text": "\n".join(shown(repository, folder, problem, lines))}
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


def gather(mirrors, *repositories):
    for word in repositories:
        if not word.startswith("--"):
            repository, _, commit = word.partition("@")
            new = list(findings(mirrors, repository, commit or "HEAD"))
            print(f"{repository}: {len(new)} errors and warnings", file=sys.stderr, flush=True)
            for each in new:
                print(json.dumps(each), flush=True)


def draw(count, seed, file, most="1000000"):
    found = [json.loads(line) for line in Path(file).read_text().splitlines()]
    random.Random(int(seed)).shuffle(found)
    drawn, taken = [], Counter()
    for each in found:
        if taken[each["repository"]] < int(most) and len(drawn) < int(count):
            taken[each["repository"]] += 1
            drawn.append(each)
    print("\n".join(each["text"] for each in drawn))


if __name__ == "__main__":
    {"gather": gather, "draw": draw}[sys.argv[1]](*sys.argv[2:])
