"""AB-BA of two threads by contextmanager: who holds what shows in no frame."""  # expect: UJ801 proved

import asyncio
import threading
from contextlib import contextmanager

ONE, TWO = threading.Lock(), threading.Lock()
TOGETHER = threading.Barrier(2)


@contextmanager
def held(lock):
    lock.acquire()  # here
    try:
        yield
    finally:
        lock.release()


def take(first, second):
    with held(first):
        TOGETHER.wait()
        with held(second):  # here
            pass


async def main():
    await asyncio.gather(asyncio.to_thread(take, ONE, TWO), asyncio.to_thread(take, TWO, ONE))


asyncio.run(main())
