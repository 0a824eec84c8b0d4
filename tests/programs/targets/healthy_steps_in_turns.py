"""The work of many steps, spread over as many turns."""

import asyncio
import time

from _truth import run


async def worker() -> None:
    for _ in range(20):
        end = time.perf_counter() + 0.002
        while time.perf_counter() < end:
            pass
        await asyncio.sleep(0)


async def main() -> None:
    await asyncio.gather(worker(), worker(), worker())


run(main())
