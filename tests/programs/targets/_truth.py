"""What target programs share: the loop that runs them, and the truth that they measure and print."""

import asyncio
import os
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

SCHEDSTAT = "/proc/thread-self/schedstat"
"""Nanoseconds on a CPU, nanoseconds ready to run and without one, turns (Linux, Documentation/scheduler/sched-stats.rst)."""
TASKS = "/proc/self/task"
STEAL = 8
"""The place in a line of /proc/stat of the ticks that a CPU wanted to run and its hypervisor did not let it (proc_stat(5))."""

here = threading.local()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run on the kind of loop that the test asks for, and print how long the machine gave this thread no CPU."""
    before = without_cpu_ms() + stolen_ms()
    if os.environ.get("PROGRAM_LOOP") == "uvloop":
        import uvloop

        uvloop.run(main)
    else:
        asyncio.run(main)
    print(f"starved {without_cpu_ms() + stolen_ms() - before:.1f}", flush=True)


def without_cpu_ms(path: str = SCHEDSTAT) -> float:
    """Milliseconds that a thread, this one where no other is named, was ready and did not run; 0 where the system does not tell."""
    try:
        with open(path) as file:
            return int(file.read().split()[1]) / 1e6
    except OSError:
        return 0.0


def stolen_ms() -> float:
    """Milliseconds that the hypervisor kept from all CPUs; 0 where the system does not tell."""
    try:
        with open("/proc/stat") as file:
            return int(file.readline().split()[STEAL]) * 1e3 / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def unwatched_ms() -> float:
    """For how long the thread that watches, of those that Python does not know the one that lacked a CPU most, had none."""
    known = {thread.native_id for thread in threading.enumerate()}
    try:
        others = [tid for tid in os.listdir(TASKS) if int(tid) not in known]
    except OSError:
        return 0.0
    watching = [tid for tid in others if "watchdog" in name_of(tid)] or others
    return max((without_cpu_ms(f"{TASKS}/{tid}/schedstat") for tid in watching), default=0.0)


def name_of(tid: str) -> str:
    try:
        with open(f"{TASKS}/{tid}/comm") as file:
            return file.read()
    except OSError:
        return ""


def mark() -> None:
    """End a stretch of this thread: print how long it was, and how much of it the thread, or who watches it, had no CPU."""
    now = (time.monotonic() * 1e3, without_cpu_ms() + stolen_ms(), unwatched_ms())
    before, here.mark = getattr(here, "mark", None), now
    if before is not None:
        # One write: several threads may end a stretch at once.
        numbers = " ".join(f"{after - then:.1f}" for after, then in zip(now, before, strict=True))
        os.write(1, f"stretch {numbers}\n".encode())


@contextmanager
def holding() -> Iterator[None]:
    """Print how long the machine gave this thread no CPU in the block: a holder of the GIL that cannot run keeps nothing."""
    before = without_cpu_ms()
    yield
    os.write(1, f"starved {without_cpu_ms() - before:.1f}\n".encode())


@contextmanager
def measured(name: str = "stall") -> Iterator[None]:
    """Print how long the block took, as the test will compare it; equal names add up."""
    start = time.monotonic()
    yield
    print(f"measured {name} {(time.monotonic() - start) * 1e3:.1f}", flush=True)


async def quiet() -> None:
    """Leave the loop a few idle turns, so that two stalls are two."""
    for _ in range(3):
        await asyncio.sleep(0.02)
        mark()
