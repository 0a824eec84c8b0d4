"""All threads of the default pool wait for work that is queued in it."""  # expect: UJ802 exact

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

TOGETHER = threading.Barrier(3)


async def main():
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(3))

    def outer():
        TOGETHER.wait()
        return asyncio.run_coroutine_threadsafe(asyncio.to_thread(print), loop).result()  # here

    await asyncio.gather(*[asyncio.to_thread(outer) for _ in range(3)])


asyncio.run(main())
