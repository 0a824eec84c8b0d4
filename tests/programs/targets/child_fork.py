"""A forked child with a fault; the parent is innocent."""

import asyncio
import multiprocessing
import time

from _truth import quiet, run


async def faulty() -> None:
    await quiet()
    time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1
    await quiet()


def child() -> None:
    run(faulty())


async def main() -> None:
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    while process.is_alive():
        await asyncio.sleep(0.01)
    assert process.exitcode == 0


run(main())
