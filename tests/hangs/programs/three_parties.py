"""The loop waits for a pool thread, that for a coroutine, and that for the loop."""  # expect: UJ801 exact

import asyncio
from concurrent.futures import ThreadPoolExecutor


async def fetch():
    return 1


def bridge(loop):
    return asyncio.run_coroutine_threadsafe(fetch(), loop).result()


async def main():
    with ThreadPoolExecutor(1, thread_name_prefix="bridge") as pool:
        pool.submit(bridge, asyncio.get_running_loop()).result()  # here


asyncio.run(main())
