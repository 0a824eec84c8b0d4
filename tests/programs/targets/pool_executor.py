"""A short call queued behind long ones in the default executor."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from _truth import quiet, run

# expect: UJ601 culprit=any


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(2))
    await quiet()
    busy = [loop.run_in_executor(None, time.sleep, 0.3) for _ in range(2)]
    await loop.run_in_executor(None, len, "short")
    await asyncio.gather(*busy)
    await quiet()


run(main())
