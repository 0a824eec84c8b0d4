"""A full queue is fed and nobody is left to take from it."""  # expect: UJ804 inferred

import asyncio


async def main():
    queue = asyncio.Queue(1)
    await queue.put(1)
    await queue.put(2)  # here


asyncio.run(main())
