"""A bridge pool whose threads wait for the loop, serve each other's calls, are held by contexts, or end by a time-out."""

import asyncio
import contextlib
import threading
import time

from unjam import bridge

FULL = bridge.Pool("full", limit=1)
SLOW = bridge.Pool("slow", limit=1)
HELD = bridge.Pool("held", limit=1)
LOCK = threading.Lock()


async def for_long():
    await asyncio.sleep(600)


def waits():
    bridge.wait(for_long)


def nested():
    return bridge.wait(FULL.run, time.sleep, 600)  # served by this very thread


@contextlib.contextmanager
def session():
    with LOCK:
        yield


async def holds():
    async with HELD.acontext(session()):
        await asyncio.sleep(600)


async def wants():
    await HELD.run(LOCK.acquire)


async def bounded():
    await SLOW.options(timeout=600, queue_timeout=600).run(waits)


async def main():
    await asyncio.gather(FULL.run(nested), SLOW.run(waits), bounded(), holds(), wants())


asyncio.run(main())
