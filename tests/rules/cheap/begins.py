"""What an object does when it is made, what a program does when it starts, what it waits for when it ends."""

import asyncio
import os
import signal
import socket
import threading
import time
from pathlib import Path

import httpx
from fastapi import FastAPI

app = FastAPI()


class Settings:
    """Reads what it needs when it is made."""

    def __init__(self, path: Path):
        self.data = path.read_bytes()  # note: UJ102 pathlib.Path.read_bytes
        self.text = self.asked()
        asyncio.run(asyncio.sleep(0))  # error: UJ205 asyncio.run

    def asked(self):
        return httpx.get("http://localhost")  # error: UJ104 httpx.get

    def again(self):
        self.text = httpx.get("http://localhost")  # error: UJ104 httpx.get


async def reload_settings(path: Path):
    Settings(path).again()


class Model:
    """Is made at the start, and by a coroutine that nobody is known to call."""

    def __init__(self):
        self.data = httpx.get("http://localhost")  # note: UJ104 httpx.get


@app.on_event("startup")
async def on_startup():
    Model()


async def make_one():
    return Model()


class Store:
    """Is made by a coroutine that nobody is known to call; so is what it then gives."""

    def __init__(self, path: Path):
        self.path = path
        self.bytes = path.read_bytes()  # note: UJ102 pathlib.Path.read_bytes

    def get(self):
        return httpx.get("http://localhost")  # error: UJ104 httpx.get


async def opened(path: Path):
    return Store(path).get()


class Picture:
    """Is made for each request."""

    def __init__(self, path: Path):
        self.data = path.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


@app.get("/picture")
async def picture(name: str):
    return Picture(Path(name)).data


async def main(left: int):
    time.sleep(1)  # note: UJ101 time.sleep
    if left:
        await main(left - 1)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: asyncio.ensure_future(stop()))
    await stop()


def start():
    asyncio.run(main(1))


async def stop():
    await stop_worker(threading.Thread())
    await worker_stopped(threading.Thread())


async def unload(thread: threading.Thread):
    await stop_worker(thread)
    await worker_stopped(thread)


async def stop_worker(thread: threading.Thread):
    thread.join()  # note: UJ203 threading.Thread.join


async def worker_stopped(thread: threading.Thread):
    thread.join()  # error: UJ203 threading.Thread.join


async def disconnect(connection: socket.socket):
    connection.recv(1)  # note: UJ103 socket.socket.recv


async def connected(connection: socket.socket):
    connection.recv(1)  # error: UJ103 socket.socket.recv


class Engine:
    """Is made ready by whoever asks first."""

    def __init__(self, path: Path):
        self.path = path
        self.is_ready = False

    def load(self):
        self.data = self.path.read_bytes()  # note: UJ102 pathlib.Path.read_bytes

    def answer(self):
        self.data = self.path.read_bytes()  # warning: UJ102 pathlib.Path.read_bytes


@app.get("/engine")
async def engine(name: str):
    found = Engine(Path(name))
    if not found.is_ready:
        found.load()
    if not found.data:
        found.answer()


class Network:
    """Gives up what it holds when a timer of its own finds nothing to talk to."""

    def watch(self, thread: threading.Thread):
        self.thread = thread
        asyncio.get_running_loop().call_later(1, self.refresh)

    def refresh(self):
        self.deinit()
        self.look()

    def deinit(self):
        self.thread.join()  # note: UJ203 threading.Thread.join

    def look(self):
        self.thread.join()  # error: UJ203 threading.Thread.join


async def restart():
    os.system("service shop restart")  # note: UJ107 os.system


async def rest():
    os.system("service shop status")  # error: UJ107 os.system


class Pipe:
    """Is read when the loop has seen that something is there, or whenever somebody asks."""

    def __init__(self, number: int):
        self.number = number
        asyncio.get_running_loop().add_reader(number, self.ready)

    def ready(self):
        os.read(self.number, 1024)  # note: UJ102 os.read

    async def asked(self):
        os.read(self.number, 1024)  # warning: UJ102 os.read


ASKED = [reload_settings, opened, rest, unload, connected]
"""What may be asked for."""
app.add_api_route("/asked", Pipe.asked)
