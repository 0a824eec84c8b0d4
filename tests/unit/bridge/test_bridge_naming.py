import asyncio
import threading
from functools import partial
from itertools import count

import pytest

from unjam.bridge import Pool, pool_counts
from unjam.bridge.naming import named

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
