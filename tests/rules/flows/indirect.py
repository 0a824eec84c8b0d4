"""Functions that are reached without being named where they are called; each with its innocent twin."""

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, Protocol

from elasticsearch import Elasticsearch
from fastapi import Depends, FastAPI

COMMANDS = {}
HOOKS = []
shared: Any = None
app = FastAPI()


class Store(Protocol):
    """Whatever keeps something."""

    def load(self, key: str) -> str: ...


class SlowStore:
    """Is a Store by its methods."""

    def load(self, key: str) -> str:
        time.sleep(1)  # error: UJ101 time.sleep
        return key


class OtherStore:
    """Has a method of that name with other parameters."""

    def load(self, key: str, again: int) -> str:
        time.sleep(again)  # clean
        return key


async def by_protocol(store: Store):
    return store.load("a")


def command(name):
    def register(function):
        COMMANDS[name] = function
        return function

    return register


def hook(function):
    HOOKS.append(function)
    return function


def plain(function):
    return function


@command("wait")
def waiting():
    time.sleep(1)  # error: UJ101 time.sleep


@hook
def hooked():
    time.sleep(1)  # error: UJ101 time.sleep


@plain
def in_no_table():
    time.sleep(1)  # clean


async def by_table(name):
    COMMANDS[name]()
    for each in HOOKS:
        each()


class Dispatcher:
    """Finds its methods by their names."""

    def __init__(self):
        self.listeners = []

    def listen(self, listener):
        self.listeners.append(listener)

    async def dispatch(self, name):
        getattr(self, f"do_{name}")()
        method = getattr(self, f"on_{name}", None)
        if method:
            method()
        getattr(self, "exactly")()

    def do_wait(self):
        time.sleep(1)  # error: UJ101 time.sleep

    def on_wait(self):
        time.sleep(1)  # error: UJ101 time.sleep

    def exactly(self):
        time.sleep(1)  # error: UJ101 time.sleep

    def other_wait(self):
        time.sleep(1)  # clean

    async def tell(self):
        for listener in self.listeners:
            listener()


def listening():
    time.sleep(1)  # error: UJ101 time.sleep


def not_listening():
    time.sleep(1)  # clean


Dispatcher().listen(listening)


async def by_partial():
    later = partial(bound, 1)
    later()
    kept = partial(unbound, 1)
    return kept


def bound(seconds):
    time.sleep(seconds)  # error: UJ101 time.sleep


def unbound(seconds):
    time.sleep(seconds)  # clean: nobody calls the partial


class Mixin:
    """Calls what the class that it is mixed into has."""

    async def run(self):
        self.work()
        await asyncio.to_thread(self.work_elsewhere)


class Host(Mixin):
    """Has it."""

    def work(self):
        time.sleep(1)  # error: UJ101 time.sleep

    def work_elsewhere(self):
        time.sleep(1)  # clean


def lines() -> Iterator[str]:
    time.sleep(1)  # error: UJ101 time.sleep
    yield ""


def unread() -> Iterator[str]:
    time.sleep(1)  # clean: nobody goes through it
    yield ""


def kept_lines():
    found = lines()
    return found


def joined(parts):
    return "".join(part for part in parts)


def stored(parts):
    return [parts]


def passed() -> Iterator[str]:
    time.sleep(1)  # error: UJ101 time.sleep
    yield ""


class Reader:
    """Gives a generator by a property."""

    def pieces(self):
        time.sleep(1)  # error: UJ101 time.sleep
        yield ""

    @property
    def all(self):
        return self.pieces()


async def by_generators(reader: Reader):
    for line in kept_lines():
        print(line)
    for piece in reader.all:
        print(piece)
    stored(unread())
    return joined(passed())


def set_up():
    global shared  # noqa: PLW0603  the idiom that is tested
    shared = Elasticsearch("http://localhost")


async def by_global():
    return shared.search(index="a")  # error: UJ106 elasticsearch.Elasticsearch.search


def get_client():
    client: Any = Elasticsearch("http://localhost")
    yield client


@app.get("/search")
async def by_dependency(client=Depends(get_client)):
    return client.search(index="a")  # error: UJ106 elasticsearch.Elasticsearch.search


class Several:
    """Keeps clients by name."""

    def __init__(self):
        self.clients: Any = {"a": Elasticsearch("http://localhost")}
        self.words = {"a": "b"}

    async def search(self, name):
        self.words[name].search("a")  # clean
        return self.clients[name].search(index="a")  # error: UJ106 elasticsearch.Elasticsearch.search


ASKED = [by_protocol, by_table, by_partial, by_generators, by_global]
ASKED += [Dispatcher.dispatch, Dispatcher.tell, Host.run, Several.search]
"""What may be asked for."""
