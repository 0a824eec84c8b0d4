"""A thread takes a lock and ends; its ident is used again by a thread that wants the lock."""  # expect: UJ805 proved

import asyncio
import threading

LOCK = threading.Lock()


def leaker():
    LOCK.acquire()  # here


def wanter():
    with LOCK:
        pass


async def main():
    first = threading.Thread(target=leaker, name="leaker")
    first.start()
    first.join()
    await asyncio.gather(*[asyncio.to_thread(wanter) for _ in range(4)])


asyncio.run(main())
