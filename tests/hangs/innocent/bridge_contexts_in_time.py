"""Bodies that hold threads of full pools and will let go: after a time, with a limit, or by somebody who closes what they wait for."""

import asyncio
from contextlib import contextmanager

from unjam import bridge


@contextmanager
def session():
    yield


def job():
    pass


async def slow(pool):
    async with pool.acontext(session()):
        await asyncio.sleep(600)


async def limited(pool, other):
    async with pool.acontext(session()):
        async with asyncio.timeout(600):
            await asyncio.shield(other)


async def kept(pool, holder, begun):
    pinned = holder.append(pool.pinned(list)) or holder[0]
    async with pinned as rows:
        await rows.call("append", 1)
        begun.set()
        await pool.run(job)


async def closes(holder):
    await asyncio.sleep(600)
    await holder[0].aclose()


async def main():
    first, second, third = (bridge.Pool(name, limit=1) for name in ("first", "second", "third"))
    holder, begun = [], asyncio.Event()
    tasks = [asyncio.create_task(slow(first))]
    await asyncio.sleep(0.05)
    tasks.append(asyncio.create_task(first.run(job)))
    other = asyncio.create_task(slow(second))
    tasks += [other, asyncio.create_task(limited(second, other))]
    tasks += [asyncio.create_task(kept(third, holder, begun))]
    await begun.wait()
    tasks += [asyncio.create_task(closes(holder))]
    await asyncio.gather(*tasks)


asyncio.run(main())
