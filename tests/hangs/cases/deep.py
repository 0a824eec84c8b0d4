"""A chain of awaits of 5,000 links, and a recursion of 900 frames, both waiting."""

import asyncio
import sys
import threading

sys.setrecursionlimit(20_000)
threading.stack_size(256 << 20)
GO = threading.Event()


async def down(depth, event):
    if depth:
        await down(depth - 1, event)
    else:
        await event.wait()


def recurse(depth):
    if depth:
        recurse(depth - 1)
    else:
        GO.wait()


async def main():
    event = asyncio.Event()
    threading.Thread(target=recurse, args=(900,), daemon=True).start()
    await asyncio.gather(down(5000, event), *[down(3, event) for _ in range(2000)])


asyncio.run(main())
