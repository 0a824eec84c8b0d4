"""A task keeps a threading lock across an await; the loop waits for that lock."""  # expect: UJ801 exact

import asyncio
import threading

LOCK = threading.Lock()


async def holder():
    with LOCK:  # held
        await asyncio.sleep(0.01)


async def main():
    task = asyncio.create_task(holder(), name="holder")
    await asyncio.sleep(0)
    with LOCK:  # here
        await task


asyncio.run(main())
