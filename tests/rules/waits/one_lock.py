"""One lock that is taken in many places is told once; another one of the same name is another one."""

import asyncio
import threading
import time


class Store:
    def __init__(self):
        self.lock = threading.Lock()
        self.rows = []

    def save(self):
        with self.lock:
            time.sleep(1)  # clean: it runs in a thread

    async def add(self, row):
        with self.lock:  # error: UJ201 _thread.LockType.__enter__
            self.rows.append(row)

    async def count(self):
        with self.lock:  # note: UJ201 _thread.LockType.__enter__
            return len(self.rows)

    async def saved(self):
        await asyncio.to_thread(self.save)


class Other:
    def __init__(self):
        self.lock = threading.Lock()
        self.number = 0

    async def add(self):
        with self.lock:  # note: UJ201 _thread.LockType.__enter__
            self.number += 1
