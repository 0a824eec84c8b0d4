"""All threads of a pool wait for jobs queued in the same pool."""  # expect: UJ802 exact

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

POOL = ThreadPoolExecutor(2, thread_name_prefix="own")
TOGETHER = threading.Barrier(2)


def inner():
    return 1


def outer():
    TOGETHER.wait()
    return POOL.submit(inner).result()  # here


async def main():
    loop = asyncio.get_running_loop()
    await asyncio.gather(*[loop.run_in_executor(POOL, outer) for _ in range(2)])


asyncio.run(main())
