"""A body holds its pool's only thread through an AsyncExitStack and waits for a task whose call of that pool needs it."""  # expect: UJ802 exact

import asyncio
from contextlib import AsyncExitStack, contextmanager

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
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(POOL.acontext(session()))
        begun.set()
        await other  # here


asyncio.run(main())
