"""Which task it was: three of a kind, one of them with the fault."""

import asyncio
import time

from _truth import quiet, run


async def fetch(number: int) -> None:
    await asyncio.sleep(0.02 * number)
    if number == 2:
        time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1 task=fetch-2 coroutine=fetch
    await quiet()


async def main() -> None:
    async with asyncio.TaskGroup() as group:
        for number in (1, 2, 3):
            group.create_task(fetch(number), name=f"fetch-{number}")


run(main())
