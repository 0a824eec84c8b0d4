"""A consumer of a queue that is always full: it awaits, and never waits."""

import asyncio
import time

from _truth import quiet, run

# serial: what computes is judged alone
# missed: everywhere - the samples fall into the work between the awaits, so it is told as Python code that runs long


def handle(item: int) -> None:
    end = time.perf_counter() + 0.001
    while time.perf_counter() < end:
        pass


async def consume(items: asyncio.Queue) -> None:
    while not items.empty():
        handle(await items.get())  # expect: UJ402 culprit=any


async def main() -> None:
    items = asyncio.Queue()
    for number in range(250):
        items.put_nowait(number)
    await quiet()
    await asyncio.create_task(consume(items))
    await quiet()


run(main())
