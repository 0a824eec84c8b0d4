"""Plain callbacks: soon, later, from another thread, a lambda."""

import asyncio
import threading
import time

from _truth import quiet, run


def soon() -> None:
    time.sleep(0.12)  # expect: UJ101 leaf=time.sleep count=1


def later() -> None:
    time.sleep(0.12)  # expect: UJ101 leaf=time.sleep count=1


def from_thread() -> None:
    time.sleep(0.12)  # expect: UJ101 leaf=time.sleep count=1


async def main() -> None:
    loop = asyncio.get_running_loop()
    loop.call_soon(soon)
    await quiet()
    loop.call_later(0.01, later)
    await quiet()
    threading.Thread(target=loop.call_soon_threadsafe, args=(from_thread,)).start()
    await quiet()
    loop.call_soon(lambda: time.sleep(0.12))  # expect: UJ101 leaf=time.sleep count=1
    await quiet()


run(main())
