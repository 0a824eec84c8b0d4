"""AB-BA of two threads with acquire(timeout=...): it ends by itself."""

import asyncio
import threading

ONE, TWO = threading.Lock(), threading.Lock()
TOGETHER = threading.Barrier(2)


def both(first, second):
    with first:
        TOGETHER.wait()
        if second.acquire(timeout=80):
            second.release()


async def main():
    await asyncio.gather(asyncio.to_thread(both, ONE, TWO), asyncio.to_thread(both, TWO, ONE))


asyncio.run(main())
