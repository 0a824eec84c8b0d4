"""Laws of names: they are right, bounded, and no code of the program runs for them."""

import asyncio
import functools
import time

import pytest

from unjam.probes import names


def hostile():
    """An object of which everything that can be asked fails; made late, because pytest asks all it finds in a module."""

    class Hostile:
        def __getattribute__(self, name):
            raise AssertionError(f"asked for {name}")

        def __repr__(self):
            raise AssertionError("asked for repr")

        __str__ = __hash__ = __eq__ = __bool__ = __repr__

        def __call__(self):
            raise AssertionError("called")

    return Hostile()


def of_hostile_type():
    """An object whose type answers nothing either."""

    class HostileMeta(type):
        def __getattribute__(cls, name):
            raise AssertionError(f"asked the type for {name}")

        def __eq__(cls, other):
            raise AssertionError("compared")

        def __hash__(cls):
            raise AssertionError("hashed")

    class OfHostileType(metaclass=HostileMeta):
        def __call__(self):
            raise AssertionError("called")

    return OfHostileType()


class Plain:
    def method(self):
        pass


def plain():
    pass


NAMED = {
    "plain": lambda: plain,
    "Plain.method": lambda: Plain().method,
    "time.sleep": lambda: functools.partial(time.sleep, 1),
    "set.discard": lambda: set().discard,
    "len": lambda: functools.partial(functools.partial(len)),
    "Plain": lambda: Plain,
    "hostile.<locals>.Hostile": hostile,
    "of_hostile_type.<locals>.OfHostileType": of_hostile_type,
}


@pytest.mark.parametrize("name", NAMED)
def test_a_callable_has_its_qualified_name(name):
    """Functions, methods, partials, built-ins and objects are named; what is hostile is named by its type."""
    assert names.callable_name(NAMED[name]()) == name
    assert names.callable_name(functools.partial(NAMED[name]())) == name


def handles_of(loop):
    return list(loop._ready)


async def named():
    await asyncio.sleep(0)


def test_every_handle_of_a_task_leads_to_it():
    """The first step of a task, a later one, and its wake-up by a future all say whose they are."""

    async def main():
        loop = asyncio.get_running_loop()
        task = loop.create_task(named(), name="mine")
        first = [names.task_of(handle._callback) for handle in handles_of(loop)]
        await asyncio.sleep(0)
        later = [names.task_of(handle._callback) for handle in handles_of(loop)]
        future = loop.create_future()
        waiter = loop.create_task(wait_for(future))
        await task
        await asyncio.sleep(0)
        future.set_result(None)
        woken = [names.task_of(handle._callback) for handle in handles_of(loop)]
        await waiter
        return (task in first, task in later, waiter in woken, names.task(task))

    async def wait_for(future):
        await future

    first, later, woken, described = asyncio.run(main())
    assert (first, later, woken) == (True, True, True)
    code = named.__code__
    expected = {"name": "mine", "coroutine": "named", "file": code.co_filename, "line": code.co_firstlineno}
    assert described == expected


def test_a_task_of_the_program_is_not_asked():
    """A subclass of Task with methods of its own is named by what asyncio itself keeps."""

    class Mine(asyncio.Task):
        def get_name(self):
            raise AssertionError("asked")

        get_coro = __repr__ = get_name

    async def main():
        task = Mine(named(), loop=asyncio.get_running_loop(), name="x\n" * 300)
        described = names.task(task)
        await task
        return described

    described = asyncio.run(main())
    assert described["coroutine"] == "named"
    assert described["name"].startswith("x\\nx\\n")
    assert len(described["name"]) <= 400


class TaskStepMethWrapper:
    """Called like the type of C that a task has its loop call."""

    def __init__(self):
        self.task = None


@pytest.mark.parametrize(
    "make",
    [hostile, of_hostile_type, int, TaskStepMethWrapper, lambda: None, lambda: plain, lambda: asyncio.Future],
)
def test_what_is_no_task_is_none(make):
    """Anything else is no task, and nothing of it runs to find out."""
    assert names.task(make()) is None
    assert names.task_of(make()) is None
