"""A condition's lock is held by a task across an await while the loop wants it."""  # expect: UJ801 exact

import asyncio
import threading

READY = threading.Condition()


async def holder():
    with READY:
        await asyncio.sleep(0.01)


def wait_in_thread():
    with READY:
        READY.notify_all()


async def main():
    task = asyncio.create_task(holder())
    await asyncio.sleep(0)
    thread = threading.Thread(target=wait_in_thread)
    thread.start()
    thread.join()  # here
    await task


asyncio.run(main())
