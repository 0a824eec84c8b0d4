"""Twenty steps of ten milliseconds in one turn, and one among them that sleeps: two causes, each with its own share."""

import asyncio
import time

from _truth import measured, quiet, run

# serial: what computes is judged alone

# expect: UJ401 culprit=any leaf=worker grade-asyncio=exact count=1 ms=nothing


async def worker() -> None:
    await asyncio.sleep(0)
    end = time.perf_counter() + 0.01
    while time.perf_counter() < end:
        pass


async def sleeper() -> None:
    await asyncio.sleep(0)
    with measured():
        time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1


async def main() -> None:
    await quiet()
    workers = [worker() for _ in range(20)]
    await asyncio.gather(*workers[:10], sleeper(), *workers[10:])
    await quiet()


run(main())
