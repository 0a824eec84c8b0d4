"""AB-BA of two threads by acquire: who holds what shows in no frame."""  # expect: UJ801 proved

import asyncio
import threading

ONE, TWO = threading.Lock(), threading.Lock()
TOGETHER = threading.Barrier(2)


def take(first, second):
    first.acquire()
    TOGETHER.wait()
    second.acquire()  # here
    second.release()
    first.release()


async def main():
    await asyncio.gather(asyncio.to_thread(take, ONE, TWO), asyncio.to_thread(take, TWO, ONE))


asyncio.run(main())
