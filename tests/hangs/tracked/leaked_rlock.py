"""The same with an RLock, which itself knows its owner only by ident."""  # expect: UJ805 proved

import asyncio
import threading

LOCK = threading.RLock()


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
