"""The same with an RLock, which itself knows its owner only by ident."""  # expect: UJ805 proved

import asyncio
import threading

LOCK = threading.RLock()
LEAKED = threading.Event()


def leaker():
    LOCK.acquire()  # here


def wanter(begun):
    begun.set()
    LEAKED.wait()
    with LOCK:
        pass


async def main():
    # The waiting thread is there before the leaker, or it might be given the leaker's ident and so own the lock.
    begun = threading.Event()
    waiting = asyncio.create_task(asyncio.to_thread(wanter, begun))
    while not begun.is_set():
        await asyncio.sleep(0.01)
    first = threading.Thread(target=leaker, name="leaker")
    first.start()
    first.join()
    LEAKED.set()
    await waiting


asyncio.run(main())
