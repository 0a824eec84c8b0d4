"""The only permit of a bounded semaphore is held by a task that wants it again."""  # expect: UJ801 exact

import asyncio


async def main():
    gate = asyncio.BoundedSemaphore(1)
    async with gate:
        async with gate:  # here
            pass


asyncio.run(main())
