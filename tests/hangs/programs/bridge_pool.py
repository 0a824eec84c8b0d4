"""Every thread of a bridge pool waits, past the bridge, for a call that is queued in the same pool."""  # expect: UJ802 exact

import asyncio

from unjam import bridge

POOL = bridge.Pool("db", limit=2)


def inner():
    return 1


def outer(loop):
    return asyncio.run_coroutine_threadsafe(POOL.run(inner), loop).result()  # here


async def main():
    loop = asyncio.get_running_loop()
    await asyncio.gather(*[POOL.run(outer, loop) for _ in range(2)])


asyncio.run(main())
