"""Two bridge pools of one thread: each job waits, past the bridge, for a call that is queued in the other pool."""  # expect: UJ802 exact

import asyncio
import threading

from unjam import bridge

POOLS = [bridge.Pool("db", limit=1), bridge.Pool("files", limit=1)]
TOGETHER = threading.Barrier(2)


def inner():
    return 1


def outer(loop, other):
    TOGETHER.wait()
    return asyncio.run_coroutine_threadsafe(other.run(inner), loop).result()  # here


async def main():
    loop = asyncio.get_running_loop()
    await asyncio.gather(POOLS[0].run(outer, loop, POOLS[1]), POOLS[1].run(outer, loop, POOLS[0]))


asyncio.run(main())
