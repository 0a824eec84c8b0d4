"""What works beside what is served, and what has a loop to itself; each with its twin."""

import asyncio
import threading
import time
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI


guard = threading.Lock()


async def poll():
    while True:
        time.sleep(1)  # error: UJ101 time.sleep
        await asyncio.sleep(1)


async def poll_by_a_helper():
    while True:
        look()
        await asyncio.sleep(1)


def look():
    Path("file").read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


async def warm_up():
    time.sleep(1)  # note: UJ101 time.sleep
    with guard:  # note: UJ201 _thread.LockType.__enter__
        time.sleep(1)  # note: UJ101 time.sleep


@asynccontextmanager
async def lifespan(_app):
    while not Path("ready").exists():
        time.sleep(1)  # note: UJ101 time.sleep
    tasks = [asyncio.create_task(poll()), asyncio.create_task(poll_by_a_helper()), asyncio.create_task(warm_up())]
    prepare()
    yield tasks


def prepare():
    time.sleep(1)  # note: UJ101 time.sleep


async def prepares_though_nobody_asks():
    prepare()


app = FastAPI(lifespan=lifespan)


def settled_lifespan(path: Path):
    async def inner(_app):
        time.sleep(1)  # note: UJ101 time.sleep
        yield path.read_bytes()  # note: UJ102 pathlib.Path.read_bytes

    return inner


@app.get("/")
async def index():
    return "index"


class Health:
    """Looks again and again, on a loop that a thread runs for that alone."""

    def start(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever).start()
        asyncio.run_coroutine_threadsafe(self.look(), self.loop)

    def end(self):
        asyncio.run_coroutine_threadsafe(self.stop(), self.loop)

    async def look(self):
        while True:
            self.ask()
            await asyncio.sleep(1)

    def ask(self):
        time.sleep(1)  # note: UJ101 time.sleep

    async def stop(self):
        self.loop.stop()


class Shared:
    """Does so on a loop that is given more to do."""

    def start(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever).start()
        asyncio.run_coroutine_threadsafe(self.look(), self.loop)

    def answer(self):
        return asyncio.run_coroutine_threadsafe(self.answered(), self.loop)

    async def look(self):
        while True:
            time.sleep(1)  # error: UJ101 time.sleep
            await asyncio.sleep(1)

    async def answered(self):
        await asyncio.sleep(0)


class Job:
    """Is run by a worker, each time on a loop of its own; what it does is left to those below."""

    def __call__(self):
        with asyncio.Runner() as runner:
            runner.run(self.run())


class Mail(Job):
    """Is such a job."""

    async def run(self):
        while True:
            time.sleep(1)  # note: UJ101 time.sleep


class Watch(Job):
    """Is one that works beside itself."""

    async def run(self):
        task = asyncio.create_task(self.beside())
        while not task.done():
            time.sleep(1)  # error: UJ101 time.sleep

    async def beside(self):
        await asyncio.sleep(1)
