"""Who keeps a pinned object waits for a call of the same full pool."""  # expect: UJ802 exact

import asyncio

from unjam import bridge

POOL = bridge.Pool("db", limit=1)


def job():
    pass


async def main():
    async with POOL.pinned(list) as rows:
        await rows.call("append", 1)
        await POOL.run(job)  # here


asyncio.run(main())
