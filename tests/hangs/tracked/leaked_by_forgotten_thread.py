"""A thread takes a lock and ends, and nobody keeps its Thread; no thread has its ident by now."""  # expect: UJ805 proved

import asyncio
import threading

LOCK = threading.Lock()


def leaker():
    LOCK.acquire()  # here


async def main():
    # Started last, so that those which wait have other idents.
    free = threading.Event()
    waiters = [asyncio.create_task(asyncio.to_thread(wanter, free)) for _ in range(2)]
    await asyncio.sleep(0)
    first = threading.Thread(target=leaker, name="leaker")
    first.start()
    first.join()
    del first
    free.set()
    await asyncio.gather(*waiters)


def wanter(free):
    free.wait()
    with LOCK:
        pass


asyncio.run(main())
