# serial
"""A child process that is awaited; nothing runs beside it, for a child that gets no CPU to start with holds up whoever starts it."""

import asyncio

from _truth import quiet, run


async def main() -> None:
    await quiet()
    process = await asyncio.create_subprocess_exec("sleep", "0.2")
    assert await process.wait() == 0
    await quiet()


run(main())
