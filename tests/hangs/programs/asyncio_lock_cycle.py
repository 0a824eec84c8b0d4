"""Two tasks take two asyncio locks in opposite orders; the loop is idle."""  # expect: UJ801 exact

import asyncio


async def both(first, second):
    async with first:
        await asyncio.sleep(0.01)
        async with second:  # here
            pass


async def main():
    left, right = asyncio.Lock(), asyncio.Lock()
    await asyncio.gather(both(left, right), both(right, left))


asyncio.run(main())
