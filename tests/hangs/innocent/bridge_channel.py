"""Tasks at both ends of channels that nobody serves just now: whoever has the channel may, and no future is an orphan."""

import asyncio

from unjam.bridge import Channel

EMPTY: Channel[int] = Channel(1)
FULL: Channel[int] = Channel(1)


async def consume():
    async for _ in EMPTY:
        pass


async def produce():
    await FULL.aput(2)


async def main():
    FULL.put(1)
    async with asyncio.TaskGroup() as group:
        group.create_task(consume())
        group.create_task(produce())
        await asyncio.sleep(3600)


asyncio.run(main())
