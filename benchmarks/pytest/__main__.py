"""What `pytest --unjam` costs a suite of trivial async tests: pairs of runs with and without, in turn, and the median of their ratios.

    python benchmarks/pytest [--rounds 7] [--tests 1000] [--runner asyncio|plain] [-- OPTIONS OF PYTEST]

Time is that of the whole process, start and end included, once on the wall and once on the CPU. The first pair is thrown away.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = {
    "asyncio": "import asyncio, pytest\n\n@pytest.mark.asyncio\n@pytest.mark.parametrize('n', range({count}))\n"
    "async def test_it(n):\n    await asyncio.sleep(0)\n",
    "plain": "import asyncio, pytest\n\nasync def work():\n    await asyncio.sleep(0)\n\n"
    "@pytest.mark.parametrize('n', range({count}))\ndef test_it(n):\n    asyncio.run(work())\n",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tests", type=int, default=1000)
    parser.add_argument("--runner", choices=TESTS, default="asyncio")
    parser.add_argument(
        "--installed", action="store_true", help="with every plugin that is installed, not the needed ones only"
    )
    parser.add_argument("options", nargs="*", help="more options of pytest for the runs with unjam")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_it.py").write_text(TESTS[told.runner].format(count=told.tests))
        pairs = [pair(folder, told, number) for number in range(told.rounds + 1)][1:]
    for kind, name in enumerate(("wall", "cpu ")):
        ratios = [watched[kind] / plain[kind] for plain, watched in pairs]
        print(f"{name}  plain {middle(pairs, 0, kind):.2f} s  --unjam {middle(pairs, 1, kind):.2f} s", end="  ")
        low, high = surely(ratios)
        print(
            f"ratio {statistics.median(ratios):.3f} (median of all, surely {low:.3f} to {high:.3f};"
            f" of one pair {min(ratios):.3f} to {max(ratios):.3f})"
        )


def surely(ratios):
    """The bounds within which the median of all pairs lies with 95 % confidence: order statistics, normal approximation."""
    ranked, half = sorted(ratios), 0.98 * len(ratios) ** 0.5
    middle = len(ranked) / 2
    return ranked[max(0, int(middle - half))], ranked[min(len(ranked) - 1, int(middle + half))]


def middle(pairs, which, kind):
    return statistics.median(pair[which][kind] for pair in pairs)


def pair(folder, told, number):
    """Seconds of a run without and of one with; which comes first changes from round to round."""
    wanted = [[], ["--unjam", *told.options]]
    order = (0, 1) if number % 2 else (1, 0)
    took = {which: run(folder, told, wanted[which]) for which in order}
    return took[0], took[1]


def run(folder, told, options):
    needed = ["unjam.integrations.pytest_plugin", *(["pytest_asyncio.plugin"] if told.runner == "asyncio" else [])]
    plugins = [] if told.installed else [word for plugin in needed for word in ("-p", plugin)]
    only_these = {} if told.installed else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugins, *options, "test_it.py"]
    began, cpu = time.perf_counter(), os.times()
    subprocess.run(
        command,
        cwd=folder,
        # Compiled files are kept, as they are where people run tests: compiling unjam anew would count as its cost.
        env=os.environ | only_these | {"PYTHONDONTWRITEBYTECODE": ""},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = os.times()
    used = after.children_user - cpu.children_user + after.children_system - cpu.children_system
    return time.perf_counter() - began, used


if __name__ == "__main__":
    main()
