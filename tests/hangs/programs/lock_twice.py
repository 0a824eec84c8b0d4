"""A function that holds a lock calls another that takes it: the loop waits for itself."""  # expect: UJ801 exact

import asyncio
import threading


class Store:
    def __init__(self):
        self._lock = threading.Lock()

    def total(self):
        with self._lock:  # here
            return 0

    def report(self):
        with self._lock:
            return self.total()


async def main():
    Store().report()


asyncio.run(main())
