"""AB-BA of two threads by exit_stack: who holds what shows in no frame."""  # expect: UJ801 proved

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
