"""Locks that nobody else holds, and queues that are never empty."""

import asyncio
import queue
import threading

from _truth import run


async def main() -> None:
    lock, items = threading.Lock(), queue.Queue()
    for _ in range(300):
        with lock:
            items.put(1)
        items.get()
        await asyncio.sleep(0.001)


run(main())
