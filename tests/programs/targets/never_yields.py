"""A consumer of a queue that is always full: it awaits, and never waits."""

import asyncio
import time

from _truth import quiet, run

# serial: what computes is judged alone
# The twin sees no frame twice: there it is told as Python code that runs long.
# expect: UJ301 culprit=any only=python


def handle(item: int) -> None:
    end = time.perf_counter() + 0.001
    while time.perf_counter() < end:
        pass


async def consume(items: asyncio.Queue) -> None:
    while not items.empty():
        handle(await items.get())  # expect: UJ402 leaf=items.get grade-asyncio=exact count=1 only=native


async def main() -> None:
    items = asyncio.Queue()
    for number in range(250):
        items.put_nowait(number)
    await quiet()
    await asyncio.create_task(consume(items))
    await quiet()


run(main())
