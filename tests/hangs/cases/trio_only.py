"""A program of trio: no asyncio, a task that waits for a lock."""

import trio


async def both(first, second):
    async with first:
        await trio.sleep(0.01)
        async with second:
            pass


async def main():
    one, two = trio.Lock(), trio.Lock()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(both, one, two)
        nursery.start_soon(both, two, one)


trio.run(main)
