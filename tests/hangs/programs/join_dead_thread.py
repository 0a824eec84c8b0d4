"""A queue.Queue is joined from a thread; the consuming thread has ended."""  # expect: UJ804 inferred

import asyncio
import queue
import threading

WORK = queue.Queue()


def consumer():
    WORK.get()


def finish():
    WORK.join()  # here


async def main():
    thread = threading.Thread(target=consumer)
    thread.start()
    WORK.put(1)
    WORK.put(2)
    thread.join()
    await asyncio.to_thread(finish)


asyncio.run(main())
