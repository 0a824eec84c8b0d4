"""Draw findings at random, for reading: of 40 at least 36 should truly block and 32 be worth acting on.

    python sample.py gather MIRRORS OWNER/NAME[@COMMIT] ... [--no-libs] [--environment FOLDER] >> found.jsonl
    python sample.py draw COUNT SEED found.jsonl [--most N]

`gather` checks each repository as a user would (the newest commit unless one is named), and prints a line for each error and
warning outside tests: with the source around it, its way and route. `draw` prints COUNT of them at random, at most N of one
repository, as one code base would otherwise be most of a sample. The judgement is a reader's.
"""

import argparse
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


def findings(flags, repository, commit):
    folder = tempfile.mkdtemp(prefix="sample-")
    try:
        exported(flags.mirrors, repository, commit, folder)
        for problem in analysed(folder, flags).problems:
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


def gather(flags):
    for word in flags.repositories:
        repository, _, commit = word.partition("@")
        new = list(findings(flags, repository, commit or "HEAD"))
        print(f"{repository}: {len(new)} errors and warnings", file=sys.stderr, flush=True)
        for each in new:
            print(json.dumps(each), flush=True)


def draw(flags):
    found = [json.loads(line) for line in flags.file.read_text().splitlines()]
    random.Random(flags.seed).shuffle(found)
    drawn, taken = [], Counter()
    for each in found:
        if taken[each["repository"]] < flags.most and len(drawn) < flags.count:
            taken[each["repository"]] += 1
            drawn.append(each)
    print("\n".join(each["text"] for each in drawn))


def flags_of(words):
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    first = commands.add_parser("gather")
    first.add_argument("mirrors", type=Path)
    first.add_argument("repositories", nargs="+", metavar="OWNER/NAME[@COMMIT]")
    first.add_argument("--no-libs", action="store_true")
    first.add_argument("--environment", default="")
    first.set_defaults(run=gather)
    second = commands.add_parser("draw")
    second.add_argument("count", type=int)
    second.add_argument("seed", type=int)
    second.add_argument("file", type=Path)
    second.add_argument("--most", type=int, default=sys.maxsize)
    second.set_defaults(run=draw)
    return parser.parse_args(words)


if __name__ == "__main__":
    flags = flags_of(sys.argv[1:])
    flags.run(flags)
