"""Threads wait in Condition.wait and Queue.get inside `with`: they do not hold the lock."""

import asyncio
import queue
import threading

READY = threading.Condition()
ITEMS = queue.Queue()
HOLD = threading.Lock()


def wait_for_notice():
    with READY:
        READY.wait()


def wait_for_item():
    ITEMS.get()


def want_the_lock():
    while True:
        with READY:
            pass


async def main():
    for target in (wait_for_notice, wait_for_item, want_the_lock):
        threading.Thread(target=target, daemon=True).start()
    await asyncio.sleep(80)


asyncio.run(main())
