"""Thirty steps of thirty milliseconds in one turn: none is long, together they are."""

import asyncio
import time

from _truth import quiet, run

# serial: what computes is judged alone

# expect: UJ401 culprit=any leaf=worker grade-asyncio=exact count=1


async def worker() -> None:
    await asyncio.sleep(0)
    end = time.perf_counter() + 0.03
    while time.perf_counter() < end:
        pass


async def main() -> None:
    await quiet()
    await asyncio.gather(*(worker() for _ in range(30)))
    await quiet()


run(main())
