"""Callables kept on instances: given to a constructor, to a base's constructor, to a record, assigned; each with its twin."""

import asyncio
import operator
import time
from collections.abc import Callable
from dataclasses import dataclass


class Timer:
    def __init__(self, callback):
        self.callback = callback

    def fire(self):
        self.callback()


class Named(Timer):
    def __init__(self, name, callback):
        super().__init__(callback)
        self.name = name


@dataclass
class Job:
    name: str
    run: Callable[[], None]


class Fixed:
    def __init__(self):
        self._work = work_of_fixed

    def go(self):
        self._work()


class Away:
    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback

    async def fire(self) -> None:
        await asyncio.to_thread(self._callback)


class Registry:
    def __init__(self, handler):
        self.handler = handler

    def handle(self):
        self.handler()


def to_timer():
    time.sleep(1)  # error: UJ101 time.sleep


def to_named():
    time.sleep(2)  # error: UJ101 time.sleep


def to_job():
    time.sleep(3)  # error: UJ101 time.sleep


def work_of_fixed():
    time.sleep(4)  # error: UJ101 time.sleep


def to_away():
    time.sleep(5)  # clean: it runs in a thread


def to_unfired():
    time.sleep(6)  # clean: only a thread calls what this class keeps


class Unfired:
    def __init__(self, callback):
        self.callback = callback

    def fire(self):
        self.callback()


def one_of_many():
    time.sleep(7)  # clean: which of the many callables of a registry runs is not known


def quick():
    pass


async def fires():
    timer = Timer(to_timer)
    timer.fire()
    Named("n", callback=to_named).fire()
    job = Job("j", to_job)
    job.run()
    Fixed().go()
    await Away(to_away).fire()
    await asyncio.to_thread(Unfired(to_unfired).fire)


class Folded:
    def __init__(self, fold):
        self.fold = fold

    def of(self, left, right):
        return self.fold(left, right)


async def folds():
    return Folded(operator.add).of(1, 2)  # clean: a callable of somebody else's


async def handles():
    registries = [Registry(one_of_many), Registry(quick), Registry(to_timer), Registry(to_named), Registry(to_job)]
    registries += [Registry(lambda: None), Registry(work_of_fixed)]
    registries[0].handle()


async def generators():
    for row in handed_out():
        print(row)
    consume = handed_on()
    return consume


def handed_out():
    return rows()


def rows():
    time.sleep(1)  # error: UJ101 time.sleep
    yield 1


def handed_on():
    return more_rows()


def more_rows():
    time.sleep(1)  # clean: it is returned, and nothing here iterates it
    yield 1
