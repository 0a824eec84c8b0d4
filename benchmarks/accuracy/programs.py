"""How often the target programs of tests/programs are told right: every one, several times, with a core kept busy beside them.

    python benchmarks/accuracy/programs.py [--times 5] [--busy 1] [--beside 1] [--keep FOLDER] [WORD ...]

Prints each run that was not told right, and at the end how many were. `--busy` is the number of the core that a loop of ours
keeps busy meanwhile (-1: none), `--beside` how many programs run at the same time, WORDs choose programs whose names hold
all of them. Ends with 1 where one run was wrong.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "programs"))

from judging import brief, complaints, is_starved
from running import Combination, combinations, watched, why_not


def main() -> None:
    """Run them all and print what was wrong."""
    options = parsed()
    chosen = [each for each in combinations() if all(word in str(each) for word in options.words)]
    possible = [each for each in chosen if not why_not(each.program, each.loop)]
    for each in [each for each in chosen if each not in possible]:
        print(f"left out {each}: {why_not(each.program, each.loop)}", flush=True)
    todo = possible * options.times
    with busy(options.busy), ThreadPoolExecutor(options.beside) as pool:
        results = [*pool.map(lambda pair: told(*pair, options.keep), enumerate(todo))]
    starved = sum(result == "starved" for result in results)
    print(f"{results.count('')} of {len(results)} runs told right, {starved} were given no CPU", flush=True)
    sys.exit("wrong" in results)


def parsed() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--busy", type=int, default=1)
    parser.add_argument("--beside", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    return parser.parse_args()


@contextmanager
def busy(core: int) -> Iterator[None]:
    """A loop on that core."""
    if core < 0:
        yield
        return
    hog = subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"])
    os.sched_setaffinity(hog.pid, {core})
    try:
        yield
    finally:
        hog.kill()
        hog.wait()


def told(number: int, combination: Combination, keep: Path | None) -> str:
    """One run: "" where it was told right, else how it was not."""
    with tempfile.TemporaryDirectory(prefix="unjam-") as folder:
        run = watched(combination, keep / f"{number}-{combination}" if keep else Path(folder))
    wrong = complaints(run)
    if not wrong:
        return ""
    found = [brief(finding) for finding in run.report["findings"]]
    starved = is_starved(run)
    lines = [f"{number} {combination}{' (given no CPU)' if starved else ''}", *wrong, "found:", *found]
    print("\n    ".join([*lines, f"starved {run.starved_ms:.0f} ms"]), flush=True)
    return "starved" if starved else "wrong"


if __name__ == "__main__":
    main()
