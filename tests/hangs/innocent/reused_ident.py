"""A thread that took a lock has ended, and its ident is used by a thread that wants the lock."""

import asyncio
import threading

LOCK = threading.Lock()


def taker():
    LOCK.acquire()


def wanter():
    with LOCK:
        pass


async def main():
    first = threading.Thread(target=taker)
    first.start()
    first.join()
    for _ in range(20):
        threading.Thread(target=wanter, daemon=True).start()
    await asyncio.sleep(80)


asyncio.run(main())
