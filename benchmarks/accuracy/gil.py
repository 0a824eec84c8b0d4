"""How much of the time for which a loop waited for the GIL is told as UJ501, with the thread and the line that kept it.

    python benchmarks/accuracy/gil.py [--rounds 10] [--tier native] [--loop asyncio] [--keep FOLDER]

The program below, run by itself with `program`, is made late in three ways: a step that gives the GIL away again and again
beside a thread that computes in Python, a wake-up that comes while a thread sorts, a wake-up beside sixteen threads that
compute in Python. Of each it prints how long the loop was late, less the CPU time of its own thread and the time in which that was ready
and had no CPU: in these programs that is the wait for the GIL, that of short waits included, which make no stall. What the
holders lacked of a CPU is part of it, and told as UJ502 where it was a third of a wait or more.
"""

import argparse
import asyncio
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

SETTLED_S = 0.1
"""After that long the hogs have seen that they are to stop."""
DATA = bytes(1 << 20)
dice = random.Random(3)
ROWS = [dice.random() for _ in range(500_000)]


def main() -> None:
    """Run the program below and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--tier", default="native")
    parser.add_argument("--loop", default="asyncio")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        truth, report = watched(options, options.keep or Path(folder))
    for kind in KINDS:
        told = [each for each in report["findings"] if each["rule"] == "UJ501" and is_of(each, kind)]
        compared(
            kind,
            sum(ms for name, ms in truth if name == kind),
            sum(each["accounted_ms"]["gil"] or 0.0 for each in told),
        )
    right = [
        each for each in report["findings"] if each["rule"] == "UJ501" and any(is_of(each, kind) for kind in KINDS)
    ]
    compared("all", sum(ms for _, ms in truth), sum(each["accounted_ms"]["gil"] or 0.0 for each in right))
    shares(report)


def watched(options: argparse.Namespace, folder: Path) -> tuple[list[tuple[str, float]], dict]:
    """The truth as the program printed it, and the report."""
    command = [sys.executable, "-m", "unjam", "run", "--quiet", "--out", folder, "--json", folder / "report.json", "--"]
    done = subprocess.run(
        [*command, sys.executable, __file__, "program", str(options.rounds), options.loop],
        env=os.environ | {"UNJAM_TIER": options.tier},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    truth = [tuple(json.loads(line)) for line in done.stdout.splitlines()]
    return truth, json.loads((folder / "report.json").read_text())


def is_of(finding: dict, kind: str) -> bool:
    """Whether it names the thread and the function that kept the GIL in that kind of lateness."""
    thread, function = HOLDERS[kind]
    culprit = finding["culprit"]
    return finding["thread"].startswith(thread) and culprit is not None and culprit["function"] == function


def compared(name: str, truth: float, told: float) -> None:
    """Print one line."""
    share = f"{told / truth:.1%}" if truth else "-"
    print(f"{name}: waited {truth:.0f} ms for the GIL, told with the right thread and line: {told:.0f} ms, {share}")


def shares(report: dict) -> None:
    """Print what all the time of the stalls was told as."""
    stalled = sum(loop["stalled_ms"] for loop in report["loops"]) or 1.0
    unexplained = sum(each["accounted_ms"]["unexplained"] or 0.0 for each in report["findings"])
    print(f"of {stalled:.0f} ms stalled {unexplained / stalled:.1%} unexplained; told as:")
    for each in report["findings"]:
        place = f"{Path(each['culprit']['file']).name}:{each['culprit']['line']}" if each["culprit"] else "nobody"
        print(f"    {each['rule'] or 'unknown'} {each['total_ms']:.0f} ms, {each['thread']}, {place}, {each['grade']}")


def own_ns() -> tuple[int, int, int]:
    """Wall time, CPU time of this thread, and its time ready without a CPU (Linux, Documentation/scheduler/sched-stats.rst)."""
    with open("/proc/thread-self/schedstat") as file:
        _, ready, _ = map(int, file.read().split())
    return time.monotonic_ns(), time.thread_time_ns(), ready


class Hogs:
    """Threads that compute in Python while they are let; they exist before the loop runs, for starting one waits for the GIL as well."""

    def __init__(self, name: str, count: int, crunch: Callable[[threading.Event], None]) -> None:
        self.go = threading.Event()
        for _ in range(count):
            threading.Thread(target=self.run, args=(crunch,), name=name, daemon=True).start()

    def run(self, crunch: Callable[[threading.Event], None]) -> None:
        while True:
            self.go.wait()
            crunch(self.go)

    @contextmanager
    def crunching(self) -> Iterator[None]:
        self.go.set()
        yield
        self.go.clear()


def crunch_alone(go: threading.Event) -> None:
    while go.is_set():
        sum(number * number for number in range(20_000))


def crunch_beside_others(go: threading.Event) -> None:
    while go.is_set():
        sum(number * number for number in range(20_000))


async def late(kind: str, hogs: dict[str, Hogs]) -> None:
    """Print for how long the loop's thread waited for the GIL in that kind of lateness, and until all was quiet again."""
    before = own_ns()
    planned_s = await KINDS[kind](hogs)
    await asyncio.sleep(SETTLED_S)
    wall, cpu, ready = (now - then for now, then in zip(own_ns(), before, strict=True))
    print(json.dumps([kind, (wall - cpu - ready) / 1e6 - (planned_s + SETTLED_S) * 1e3]), flush=True)


def crunch_native() -> None:
    sorted(ROWS)


async def in_a_step(hogs: dict[str, Hogs]) -> float:
    """Like its neighbours it returns the seconds for which the loop was meant to wait."""
    with hogs["cruncher"].crunching():
        for _ in range(40):
            hashlib.sha256().update(DATA)
    return 0.0


async def native_at_wake_up(_: dict[str, Hogs]) -> float:
    asyncio.get_running_loop().run_in_executor(None, crunch_native)
    await asyncio.sleep(0.005)
    return 0.005


async def python_at_wake_up(hogs: dict[str, Hogs]) -> float:
    with hogs["many"].crunching():
        for _ in range(4):
            await asyncio.sleep(0.005)
    return 4 * 0.005


KINDS: dict[str, Callable[[dict[str, Hogs]], Awaitable[float]]] = {
    "in_a_step": in_a_step,
    "native_at_wake_up": native_at_wake_up,
    "python_at_wake_up": python_at_wake_up,
}
HOLDERS = {
    "in_a_step": ("cruncher", "crunch_alone"),
    "native_at_wake_up": ("sorter", "crunch_native"),
    "python_at_wake_up": ("many", "crunch_beside_others"),
}


async def program(rounds: int) -> None:
    """Be late in each way, so many times."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1, "sorter"))
    hogs = {"cruncher": Hogs("cruncher", 1, crunch_alone), "many": Hogs("many", 16, crunch_beside_others)}
    await asyncio.sleep(0.1)
    for _ in range(rounds):
        for kind in KINDS:
            await late(kind, hogs)


if __name__ == "__main__":
    if sys.argv[1:2] != ["program"]:
        main()
    elif sys.argv[3] == "uvloop":
        import uvloop

        uvloop.run(program(int(sys.argv[2])))
    else:
        asyncio.run(program(int(sys.argv[2])))
