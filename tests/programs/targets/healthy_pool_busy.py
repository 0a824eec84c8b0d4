"""A pool that is full, with nobody waiting for it."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from _truth import quiet, run


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(2))
    await quiet()
    await asyncio.gather(*(loop.run_in_executor(None, time.sleep, 0.3) for _ in range(2)))
    await quiet()


run(main())
