"""A job of a bridge pool holds a lock and waits for the loop, which waits for that lock."""  # expect: UJ801 exact

import asyncio
import threading

from unjam import bridge

LOCK, TAKEN = threading.Lock(), threading.Event()
POOL = bridge.Pool("db", limit=1)


async def fetch():
    return 1


def job():
    with LOCK:
        TAKEN.set()
        return bridge.wait(fetch)


async def main():
    task = asyncio.create_task(POOL.run(job))
    await asyncio.sleep(0)
    TAKEN.wait()  # the loop turns no more from here on
    with LOCK:  # here
        await task


asyncio.run(main())
