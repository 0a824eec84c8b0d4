"""The body of an acontext waits for a task whose call of the same full pool has no thread but the one that the body holds."""  # expect: UJ802 exact

import asyncio
from contextlib import contextmanager

from unjam import bridge

POOL = bridge.Pool("db", limit=1)


@contextmanager
def session():
    yield


def job():
    pass


async def query(begun):
    await begun.wait()
    await POOL.run(job)  # here


async def main():
    begun = asyncio.Event()
    other = asyncio.create_task(query(begun))
    async with POOL.acontext(session()):
        begun.set()
        await other  # here


asyncio.run(main())
