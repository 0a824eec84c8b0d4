"""AB-BA of two threads that enter their locks into an ExitStack: its `with` block is where they are held."""  # expect: UJ801 exact

import asyncio
import threading
from contextlib import ExitStack

ONE, TWO = threading.Lock(), threading.Lock()
TOGETHER = threading.Barrier(2)


def take(first, second):
    with ExitStack() as stack:
        stack.enter_context(first)
        TOGETHER.wait()
        stack.enter_context(second)  # here


async def main():
    await asyncio.gather(asyncio.to_thread(take, ONE, TWO), asyncio.to_thread(take, TWO, ONE))


asyncio.run(main())
