# serial: the first call in a thread imports what makes threads, on the loop, and that computes
"""A child process with a fault, started by name."""

import asyncio
import subprocess
import sys
import time

from _truth import quiet, run


async def faulty() -> None:
    await quiet()
    time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1
    await quiet()


async def main() -> None:
    # Not on the loop: a child that gets no CPU to start with holds up whoever starts it.
    await asyncio.to_thread(subprocess.run, [sys.executable, __file__, "child"], check=True)


run(faulty() if sys.argv[1:] else main())
