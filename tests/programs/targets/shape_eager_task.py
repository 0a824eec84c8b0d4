# python: 3.12
# loops: asyncio
"""A task that runs inside the step that creates it."""

import asyncio
import time

from _truth import quiet, run

# serial: what computes is judged alone


async def eager() -> None:
    time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1 coroutine=eager


async def outer() -> None:
    await asyncio.create_task(eager())


async def main() -> None:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await quiet()
    await asyncio.create_task(outer())
    await quiet()


run(main())
