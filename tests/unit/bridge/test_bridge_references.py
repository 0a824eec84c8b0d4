"""What was given to a call and came out of it is let go when its caller lets go: no cycle and no idle thread keeps it."""

import asyncio
import gc
import weakref
from contextlib import aclosing, nullcontext

import pytest

from unjam.bridge import Pool, Portal, wait


class Load:
    """What is passed around."""


def takes(load):
    """Return something as heavy as what it got."""
    return Load()


def fails(load):
    raise ValueError


async def fails_on_the_loop(load):
    fails(load)


def fails_between(load):
    yield 1
    fails(load)


async def run_in(pool, load, fn):
    return await pool.run(fn, load)


async def with_a_limit(pool, load, fn):
    return await pool.options(timeout=60, context_back=True).run(fn, load)


async def on_a_held_thread(pool, load, fn):
    return await pool.pinned_one.run(lambda _, value: fn(value), load)


async def in_a_body(pool, load, fn):
    return await pool.run(fn, load)


async def over_the_loop(pool, load, fn):
    async def elsewhere():
        return fn(load)

    return await pool.run(wait, elsewhere)


async def submitted(pool, load, fn):
    async def elsewhere():
        return fn(load)

    return await asyncio.wrap_future(Portal.current().submit(elsewhere))


async def iterated(pool, load, fn):
    async with aclosing(pool.aiter(fails_between(load) if fn is fails else iter([load]))) as items:
        async for _ in items:
            if fn is fails:
                break
    return Load()


@pytest.mark.parametrize("fn", [takes, fails], ids=["returns", "raises"])
@pytest.mark.parametrize(
    "way",
    [run_in, with_a_limit, on_a_held_thread, in_a_body, over_the_loop, submitted, iterated],
    ids=lambda way: way.__name__,
)
def test_what_goes_in_and_comes_out_is_let_go(run, until, way, fn):
    """Without a collection of garbage, and while the thread has nothing else to do."""

    async def main():
        pool = Pool("p", 2)
        pool.pinned_one = pool.pinned(object)
        await pool.pinned_one.run(id)
        async with pool.acontext(nullcontext()) if way is in_a_body else nullcontext():
            gc.collect()
            gc.disable()
            try:
                load = Load()
                kept = [weakref.ref(load)]
                try:
                    result = await way(pool, load, fn)
                    kept.append(weakref.ref(result))
                    del result
                except ValueError:
                    pass
                del load
                await until(lambda: not any(ref() for ref in kept))
            finally:
                gc.enable()
        await pool.pinned_one.aclose()

    run(main())
