"""A forked child that runs a healthy loop of its own."""

# serial: a child that gets no CPU to start with holds up whoever starts it, and that is no fault of the program

import asyncio
import multiprocessing

from _truth import quiet, run


def child() -> None:
    run(quiet())


async def main() -> None:
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    while process.is_alive():
        await asyncio.sleep(0.01)
    assert process.exitcode == 0


run(main())
