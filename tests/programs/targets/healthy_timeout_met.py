"""Timeouts that do not fire."""

import asyncio

from _truth import run


async def main() -> None:
    for _ in range(50):
        async with asyncio.timeout(5):
            await asyncio.sleep(0.001)
        await asyncio.wait_for(asyncio.sleep(0.001), 5)


run(main())
