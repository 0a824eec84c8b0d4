"""Thousands of short callbacks, many in each turn."""

import asyncio

from _truth import run


async def main() -> None:
    loop = asyncio.get_running_loop()
    for _ in range(200):
        for _ in range(100):
            loop.call_soon(int)
        await asyncio.sleep(0)


run(main())
