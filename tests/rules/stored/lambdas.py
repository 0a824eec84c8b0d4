"""Lambdas that variables, dicts and lists hold; each with its innocent twin."""

import asyncio
import time

of_the_module = lambda: time.sleep(1)  # noqa: E731  # error: UJ101 time.sleep
hidden = lambda: time.sleep(1)  # noqa: E731  # clean: those who call one of its name have one of their own
TABLE = {"a": lambda: time.sleep(1)}  # error: UJ101 time.sleep
GOT = {"a": lambda: time.sleep(1)}  # error: UJ101 time.sleep
HOOKS = [lambda: time.sleep(1)]  # error: UJ101 time.sleep
NOBODYS = {"a": lambda: time.sleep(1)}  # clean: nobody calls it



class Commands:
    """Has a table of its own."""

    table = {"a": lambda: time.sleep(1)}  # error: UJ101 time.sleep

    def run(self, name):
        self.table[name]()


async def calls(name):
    of_the_module()
    TABLE[name]()
    found = GOT.get(name)
    if found:
        found()
    for hook in HOOKS:
        hook()
    Commands().run(name)


async def of_its_own():
    wait = lambda: time.sleep(1)  # noqa: E731  # error: UJ101 time.sleep
    later = lambda: time.sleep(1)  # noqa: E731  # clean: it is run in a thread
    await asyncio.to_thread(later)
    wait()


async def of_a_function_around(seconds):
    wait = lambda: time.sleep(seconds)  # noqa: E731  # error: UJ101 time.sleep

    async def inner():
        wait()

    await inner()


async def given(hidden):
    hidden()


async def made(maker):
    hidden = maker()
    hidden()
