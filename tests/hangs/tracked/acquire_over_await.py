"""A task acquires a threading lock and awaits; the loop wants the lock."""  # expect: UJ801 exact

import asyncio
import threading

LOCK = threading.Lock()


async def holder():
    LOCK.acquire()
    await asyncio.sleep(0.01)
    LOCK.release()


async def main():
    task = asyncio.create_task(holder())
    await asyncio.sleep(0)
    with LOCK:  # here
        await task


asyncio.run(main())
