"""A child process with a fault, started by name."""

import asyncio
import sys
import time

from _truth import quiet, run


async def faulty() -> None:
    await quiet()
    time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1
    await quiet()


async def main() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, "child")
    assert await process.wait() == 0


run(faulty() if sys.argv[1:] else main())
