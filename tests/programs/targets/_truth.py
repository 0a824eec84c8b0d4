"""What target programs share: the loop that runs them, and the truth that they measure and print."""

import asyncio
import os
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from _stretches import mark, told

SCHEDSTAT = "/proc/thread-self/schedstat"
"""Nanoseconds on a CPU, nanoseconds ready to run and without one, turns (Linux, Documentation/scheduler/sched-stats.rst)."""
STEAL = 8
"""The place in a line of /proc/stat of the ticks that a CPU wanted to run and its hypervisor did not let it (proc_stat(5))."""


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run on the kind of loop that the test asks for, and print how long the machine gave this thread no CPU."""
    before = without_cpu_ms() + stolen_ms()
    if os.environ.get("PROGRAM_LOOP") == "uvloop":
        import uvloop

        uvloop.run(main)
    else:
        asyncio.run(main)
    print(*told, f"starved {without_cpu_ms() + stolen_ms() - before:.1f}", sep="\n", flush=True)


def without_cpu_ms() -> float:
    """Milliseconds that this thread was ready and did not run; 0 where the system does not tell."""
    try:
        with open(SCHEDSTAT) as file:
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


async def quiet(*, marked: bool = True) -> None:
    """Leave the loop a few idle turns, so that two stalls are two; unmarked where a mark would have to wait for the GIL."""
    for _ in range(3):
        await asyncio.sleep(0.02)
        if marked:
            mark()
