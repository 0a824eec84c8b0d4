import asyncio
import inspect
import threading
from contextlib import aclosing, contextmanager
from dataclasses import fields
from functools import partial
from itertools import count

import pytest

from unjam.bridge import Pool, PoolStats, pool_counts
from unjam.bridge.naming import named
from unjam.errors import PoolClosed

NUMBERS = count()
"""For names: a pool of the test before may not have been collected."""


def pool_counts_of(pool):
    name = pool.stats().name
    return next(counts for counts in pool_counts() if counts.name == name)


def test_naming_asks_no_object_of_the_program(run, until):
    """What is called may be of any make: stats name it by its type, and run none of its code."""
    asked = []

    class Spy(type):
        def __getattribute__(cls, name):
            if name in {"__qualname__", "__name__", "__module__", "__mro__"}:
                asked.append(name)
            return super().__getattribute__(name)

    class Job(metaclass=Spy):
        def __init__(self):
            self.gate = threading.Event()

        def __getattr__(self, name):
            asked.append(name)
            raise RuntimeError(name)

        def __call__(self):
            self.gate.wait()

    async def main():
        pool, job = Pool(f"named {next(NUMBERS)}", 1), Job()
        asked.clear()
        task = asyncio.create_task(pool.run(partial(job)))
        await until(lambda: pool_counts_of(pool).busy)
        name = pool.stats().oldest.call
        job.gate.set()
        await task
        return name

    name = run(main())
    assert (f"{test_naming_asks_no_object_of_the_program.__qualname__}.<locals>.Job", []) == (name, asked)


@pytest.mark.parametrize(
    ("fn", "name"),
    [
        (len, "len"),
        (dict.fromkeys, "dict.fromkeys"),
        ([].append, "list.append"),
        (str.upper, "method_descriptor"),
        (int, "int"),
    ],
)
def test_what_is_not_written_in_python_has_a_name(fn, name):
    """Functions of C are named as Python names them, as far as that asks nobody."""
    assert (name, "", 0) == named(fn)


def test_counts_are_those_of_the_stats(run, until):
    """pool_counts() says the same as pools(), without the calls."""

    async def main():
        pool, gate = Pool(f"counted {next(NUMBERS)}", 1), threading.Event()
        tasks = [asyncio.create_task(pool.run(gate.wait)) for _ in range(3)]
        await until(lambda: pool.stats().busy)
        tasks[0].cancel()
        await until(lambda: pool.stats().abandoned)
        counts, stats = pool_counts_of(pool), pool.stats()
        gate.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        return (counts.busy, counts.abandoned, counts.queued), (stats.busy, stats.abandoned, stats.queued)

    assert run(main()) == ((1, 1, 2), (1, 1, 2))


def here(function, text):
    """Return the line of a function that contains a text."""
    lines, first = inspect.getsourcelines(function)
    return first + next(number for number, line in enumerate(lines) if text in line)


async def seen(pool, until, task, gate):
    """Return what holds the pool's slot once that is settled, and let it end."""
    await until(lambda: gate.entered.is_set() and pool.stats().calls)
    call = pool.stats().oldest
    gate.set()
    await task
    return call


class Gate(threading.Event):
    """Something to get stuck in."""

    def __init__(self):
        super().__init__()
        self.entered = threading.Event()

    def wait(self):
        self.entered.set()
        assert super().wait(60)


@pytest.mark.parametrize("stuck_in", ["enter", "body", "exit"])
def test_a_context_is_told_as_what_the_user_wrote(run, until, stuck_in):
    """The function of a contextmanager, with the line where it is; a thread that is only held runs nothing, and is not stuck."""
    gate = Gate()

    @contextmanager
    def session():
        if stuck_in == "enter":
            gate.wait()  # entering
        yield
        if stuck_in == "exit":
            gate.wait()  # leaving

    async def body(pool):
        async with pool.acontext(session()):
            while stuck_in == "body" and not gate.is_set():
                gate.entered.set()
                await asyncio.sleep(0.001)

    async def main():
        pool = Pool(f"told {next(NUMBERS)}", 1, stuck_after=1e-9)
        call = await seen(pool, until, asyncio.create_task(body(pool)), gate)
        return call, PoolStats(**{**vars_of(pool.stats()), "calls": (call,)}).stuck

    call, stuck = run(main())
    assert (session.__qualname__, __file__) == (call.call, call.file)
    if stuck_in == "body":
        assert (True, (), ()) == (call.held, call.stack, stuck)
        assert f"{session.__qualname__}, held for " in str(call)
    else:
        line = here(session, "# entering" if stuck_in == "enter" else "# leaving")
        assert (line, False, (call,)) == (call.line, call.held, stuck)
        assert call.stack[0].endswith(session.__qualname__)


def vars_of(stats):
    return {field.name: getattr(stats, field.name) for field in fields(stats)}


def test_a_class_that_is_a_context_is_told_by_its_name(run, until):
    """Also where its exit is what is stuck."""
    gate = Gate()

    class Session:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            gate.wait()

    async def body(pool):
        async with pool.acontext(Session()):
            pass

    async def main():
        pool = Pool(f"told {next(NUMBERS)}", 1)
        return await seen(pool, until, asyncio.create_task(body(pool)), gate)

    assert Session.__qualname__ == run(main()).call


def test_a_pinned_object_is_told_by_its_factory_and_its_calls_by_theirs(run, until):
    """While it is only held, while it works, and when it is refused."""
    gate = Gate()

    def works(_):
        gate.wait()  # working

    async def main():
        pool = Pool(f"told {next(NUMBERS)}", 1)
        pinned = pool.pinned(dict)
        await pinned.run(len)
        await until(lambda: pool.stats().calls[0].held)
        held = pool.stats().oldest
        call = await seen(pool, until, asyncio.create_task(pinned.run(works)), gate)
        await pinned.aclose()
        with pytest.raises(PoolClosed, match=r"pinned dict\)"):
            await pinned.run(len)
        return held, call

    held, call = run(main())
    assert ("dict", "", True) == (held.call, held.file, held.held)
    assert str(held).startswith("dict, held for ")
    assert ":" not in str(held)
    assert (works.__qualname__, here(works, "# working"), False) == (call.call, call.line, call.held)
    assert call.stack[0].endswith(works.__qualname__)


@pytest.mark.parametrize("closing", [False, True], ids=["reading", "closing"])
def test_a_generator_is_told_by_its_function(run, until, closing):
    """While a batch of it is read, and while it is closed."""
    gate = Gate()

    def rows():
        try:
            yield 1
            if not closing:
                gate.wait()  # reading
        finally:
            if closing:
                gate.wait()  # closing

    async def reads(pool):
        async with aclosing(pool.aiter(rows(), max_items=1)) as items:
            async for _ in items:
                if closing:
                    break

    async def main():
        pool = Pool(f"told {next(NUMBERS)}", 1)
        return await seen(pool, until, asyncio.create_task(reads(pool)), gate)

    call = run(main())
    assert (rows.__qualname__, here(rows, "# closing" if closing else "# reading")) == (call.call, call.line)
