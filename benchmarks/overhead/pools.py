"""What watching costs for each call that is submitted to a thread pool, in microseconds of CPU time of the process.

    python benchmarks/overhead/pools.py [--calls 4000] [--rounds 15]

Rounds without and with the monitor alternate in one process, on asyncio's default executor and on a ThreadPoolExecutor of the
program's own; the median of the paired differences is printed, with the cost of a bare call.
"""

import argparse
import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from statistics import median

import unjam


def main() -> None:
    """Measure both kinds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    for name, once in (("default executor", on_loop), ("ThreadPoolExecutor", on_own_pool)):
        pairs = [(cost(once, options.calls), watched(once, options.calls)) for _ in range(options.rounds)]
        more = median(after - before for before, after in pairs)
        print(f"{name}: {median(before for before, _ in pairs):.2f} us a call, {more:+.2f} us watched")


def watched(once: Callable[[int], None], calls: int) -> float:
    """The same with a monitor in the process."""
    unjam.install()
    try:
        return cost(once, calls)
    finally:
        unjam.uninstall()


def cost(once: Callable[[int], None], calls: int) -> float:
    """Microseconds of CPU time, of all threads of the process, for each call."""
    once(calls // 10)
    before = time.process_time_ns()
    once(calls)
    return (time.process_time_ns() - before) / calls / 1e3


def on_loop(calls: int) -> None:
    """Calls through `run_in_executor`, fifty at a time."""

    async def submit() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        for _ in range(calls // 50):
            await asyncio.gather(*(loop.run_in_executor(None, nothing) for _ in range(50)))

    asyncio.run(submit())


def on_own_pool(calls: int) -> None:
    """Calls submitted from a thread without a loop."""
    with ThreadPoolExecutor(1) as pool:
        for _ in range(calls // 50):
            wait([pool.submit(nothing) for _ in range(50)])


def nothing() -> None:
    """The call itself."""


if __name__ == "__main__":
    main()
