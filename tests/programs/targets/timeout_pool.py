"""A timeout that fires because the call never left the queue of a pool."""

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

from _truth import quiet, run

# expect: UJ601 culprit=any
# expect: UJ701 culprit=any


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    await quiet()
    busy = loop.run_in_executor(None, time.sleep, 0.4)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.to_thread(len, "short")
    await busy
    await quiet()


run(main())
