"""A consumer of an always-full queue that lets the loop breathe."""

import asyncio
import time

from _truth import run


async def main() -> None:
    items = asyncio.Queue()
    for number in range(200):
        items.put_nowait(number)
    while not items.empty():
        await items.get()
        end = time.perf_counter() + 0.001
        while time.perf_counter() < end:
            pass
        await asyncio.sleep(0)


run(main())
