"""Queues between threads, waited for on the loop."""

import queue
import threading

from _truth import measured, quiet, run


async def main() -> None:
    full = queue.Queue()
    simple = queue.SimpleQueue()
    threading.Timer(0.2, full.put, (1,)).start()
    await quiet()
    with measured("queue"):
        full.get()  # expect: UJ202 leaf=queue.Queue.get ms=queue
    await quiet()
    threading.Timer(0.2, simple.put, (1,)).start()
    await quiet()
    with measured("simple"):
        simple.get()  # expect: UJ202 leaf=queue.SimpleQueue.get|_queue.SimpleQueue.get ms=simple
    await quiet()


run(main())
