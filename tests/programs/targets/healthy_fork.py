"""A fork below a running loop; the child never runs a loop and sleeps as it likes."""

import asyncio
import os
import time

from _truth import quiet, run


async def main() -> None:
    await quiet()
    child = os.fork()
    if child == 0:
        time.sleep(0.2)
        os._exit(0)
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        await asyncio.sleep(0.01)


run(main())
