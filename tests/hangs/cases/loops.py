"""A loop that is hung in one thread, one that is well in another, and one that has ended; tasks of every make."""

import asyncio
import sys
import threading

LOCK = threading.Lock()


class OwnTask(asyncio.Task):
    pass


async def holder():
    with LOCK:
        await asyncio.sleep(0.01)


async def hung():
    loop = asyncio.get_running_loop()
    loop.set_task_factory(lambda loop, coroutine, **words: OwnTask(coroutine, loop=loop, **words))
    task = asyncio.create_task(holder(), name="own-task")
    await asyncio.sleep(0)
    with LOCK:
        await task


async def well():
    if sys.version_info >= (3, 12):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.gather(*[asyncio.create_task(asyncio.sleep(80), name=f"eager-{n}") for n in range(3)])


asyncio.run(asyncio.sleep(0))
threading.Thread(target=lambda: asyncio.run(hung()), daemon=True, name="hung").start()
asyncio.run(well())
