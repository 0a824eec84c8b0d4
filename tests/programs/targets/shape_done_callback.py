"""Callbacks of a future and of a task."""

import asyncio
import time

from _truth import quiet, run


def future_done(future: asyncio.Future) -> None:
    time.sleep(0.12)  # expect: UJ101 leaf=time.sleep count=1


def task_done(task: asyncio.Task) -> None:
    time.sleep(0.12)  # expect: UJ101 leaf=time.sleep count=1


async def main() -> None:
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(future_done)
    await quiet()
    future.set_result(None)
    await quiet()
    task = asyncio.create_task(asyncio.sleep(0))
    task.add_done_callback(task_done)
    await quiet()


run(main())
