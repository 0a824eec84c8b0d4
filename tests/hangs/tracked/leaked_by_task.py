"""A task acquires an asyncio lock, fails, and never releases it."""  # expect: UJ805 proved

import asyncio

FAILED = []


async def leaker(lock):
    await lock.acquire()  # here
    raise ValueError


async def main():
    lock = asyncio.Lock()
    FAILED.extend(await asyncio.gather(leaker(lock), return_exceptions=True))
    async with lock:
        pass


asyncio.run(main())
