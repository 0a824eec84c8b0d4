"""A bridge pool stands still, and a task that will close it is alive: that ends the calls that are queued."""

import asyncio

from unjam import bridge

POOL = bridge.Pool("db", limit=1)


def inner():
    return 1


def outer(loop):
    return asyncio.run_coroutine_threadsafe(POOL.run(inner), loop).result()


async def closes():
    await asyncio.sleep(600)
    await POOL.aclose(0)


async def main():
    await asyncio.gather(POOL.run(outer, asyncio.get_running_loop()), closes())


asyncio.run(main())
