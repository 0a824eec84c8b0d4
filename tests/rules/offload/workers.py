"""Threads of one's own that take functions out of a queue, and calls of one's own where no loop runs yet."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable


class Database(threading.Thread):
    """Runs what others hand it in its own thread."""

    def __init__(self, connection: sqlite3.Connection):
        super().__init__()
        self.connection = connection
        self.waiting: queue.SimpleQueue = queue.SimpleQueue()

    def run(self):
        while True:
            future, function = self.waiting.get()
            future.set_result(function(self.connection))

    def execute(self, function: Callable):
        future = asyncio.get_running_loop().create_future()
        if self.is_alive():
            self.waiting.put((future, function))
        else:
            future.set_result(function(self.connection))
        return future

    def rows(self):
        return self.execute(lambda connection: connection.execute("select 1"))  # clean: the thread runs it

    def at_once(self, function: Callable):
        return function(self.connection)


def counted(connection: sqlite3.Connection):
    return connection.execute("select count(*) from rows")  # clean: handed to the thread


def read(connection: sqlite3.Connection):
    return connection.execute("select * from rows")  # warning: UJ106 sqlite3.Connection.execute


async def handler(database: Database):
    await database.rows()
    await database.execute(counted)
    database.at_once(read)


class Settings:
    """Saves in a thread while it serves, and itself before."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self.loop = loop

    def save(self):
        if self.loop.is_running():
            return self.loop.run_in_executor(None, self.write)
        self.write()
        return None

    def write(self):
        with open("settings", "w") as stream:  # clean: a loop that runs has it written by a thread
            stream.write("text")


async def changed(settings: Settings):
    await settings.save()


async def forgets(settings: Settings):
    await asyncio.to_thread(settings_of, "a")
    settings_of("b")


def settings_of(name: str):
    with open(name, "rb") as stream:  # note: UJ102 builtins.open
        return stream.read()
