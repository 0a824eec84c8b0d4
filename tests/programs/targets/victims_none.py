"""Tasks that hold the loop while nobody else wants it: what they do next, and who waits for their end, was not ready before."""

import asyncio
import time

from _truth import run


async def goes_on() -> None:
    for _ in range(3):
        time.sleep(0.1)  # expect: UJ101 count=3 ms=none victims=none
        await asyncio.sleep(0)


async def sleeps() -> None:
    for _ in range(3):
        time.sleep(0.1)  # expect: UJ101 count=3 ms=none victims=none
        await asyncio.sleep(0.01)


async def blocks() -> None:
    time.sleep(0.1)  # expect: UJ101 count=3 ms=none victims=none


async def main() -> None:
    await goes_on()
    await sleeps()
    for _ in range(3):
        await asyncio.create_task(blocks())


run(main())
