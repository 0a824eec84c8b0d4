"""Two tasks in a cycle of asyncio locks, one of them under a time-out, and one that awaits another under it."""

import asyncio


async def both(first, second):
    async with first:
        await asyncio.sleep(0.01)
        async with second:
            pass


async def guarded(first, second):
    async with asyncio.timeout(80):
        await both(first, second)


async def awaited(first, second):
    await asyncio.wait_for(asyncio.create_task(both(first, second)), 80)


async def main():
    locks = [asyncio.Lock() for _ in range(4)]
    await asyncio.gather(
        both(locks[0], locks[1]), guarded(locks[1], locks[0]), both(locks[2], locks[3]), awaited(locks[3], locks[2])
    )


asyncio.run(main())
