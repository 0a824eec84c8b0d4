# loops: asyncio
"""A name look-up queued behind other work in the default executor."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from _truth import quiet, run

# expect: UJ601 culprit=any says=getaddrinfo


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(2))
    await quiet()
    busy = [loop.run_in_executor(None, time.sleep, 0.3) for _ in range(2)]
    await loop.getaddrinfo("localhost", 80)
    await asyncio.gather(*busy)
    await quiet()


run(main())
