import asyncio
import contextvars
import gc
import threading
import weakref
from contextlib import aclosing

import pytest

from unjam.bridge import Pool
from unjam.errors import PoolClosed, PoolFull

VAR = contextvars.ContextVar("VAR", default="unset")


class Source:
    """A generator that notes the threads it runs and is closed in."""

    def __init__(self, stop=None, error=None):
        self.stop, self.error = stop, error
        self.ran_in, self.closed_in, self.closes = set(), None, 0

    def __iter__(self):
        n = 0
        try:
            while n != self.stop:
                self.ran_in.add(threading.get_ident())
                yield n
                n += 1
            if self.error is not None:
                raise self.error
        finally:
            self.closed_in = threading.get_ident()
            self.closes += 1


def threads_of(name):
    """Return the threads of a pool that nobody uses any more, and let go of what a thread has kept of it until now."""
    gc.collect()
    return [thread for thread in threading.enumerate() if thread.name.startswith(name)]


async def collect(items, into):
    """Take all items, and keep what came before an error."""
    async for item in items:
        into.append(item)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257, 2000])
@pytest.mark.parametrize("max_items", [1, 256])
def test_it_yields_what_the_iterable_yields(run, length, max_items):
    """The same items in the same order, whatever the batch."""
    source = Source(stop=length)

    async def main():
        return [item async for item in Pool("p").aiter(source, max_items=max_items)]

    assert run(main()) == list(range(length))
    assert threading.get_ident() not in source.ran_in | {source.closed_in}


def test_an_error_comes_after_the_items_before_it(run):
    """What was yielded before the generator failed is not lost with it."""
    error, got = OSError("disk"), []

    async def main():
        with pytest.raises(OSError, match="disk") as caught:
            await collect(Pool("p").aiter(Source(stop=300, error=error)), got)
        return caught.value

    assert run(main()) is error
    assert got == list(range(300))


def test_what_is_not_iterable_is_a_type_error(run):
    """iter() runs in the thread, and its error arrives."""

    async def main():
        async for _ in Pool("p").aiter(3):
            raise AssertionError("3 yields nothing")

    with pytest.raises(TypeError, match="not iterable"):
        run(main())


def test_a_slow_source_is_not_kept_back_by_its_batch(run):
    """An item is delivered within max_wait though the next one takes for ever."""
    go = threading.Event()

    def slow():
        yield "first"
        assert go.wait(60)
        yield "second"

    async def main():
        items = Pool("p").aiter(slow(), max_wait=0.01)
        first = await anext(items)
        blocked = not go.is_set()
        go.set()
        return first, blocked, [item async for item in items]

    assert run(main()) == ("first", True, ["second"])


def test_each_item_of_a_slow_source_comes_when_it_is_there(run):
    """Not the first of a batch only: no item waits for a later one that takes for ever."""
    steps, read = [threading.Event() for _ in range(4)], []

    def slow():
        for number, step in enumerate(steps):
            yield number
            assert step.wait(60)

    async def main():
        items = Pool("p").aiter(slow(), max_wait=0.001)
        for step in steps:
            read.append(await anext(items))
            step.set()
        return [item async for item in items]

    assert run(main()) == []
    assert read == [0, 1, 2, 3]


def test_who_leaves_a_slow_source_has_it_read_no_further(run, until):
    """The item that the thread waits for is the last, however many would come after it."""
    steps, read, closed = threading.Semaphore(0), [], []

    def feed():
        try:
            for number in range(100):
                read.append(number)
                yield number
                assert steps.acquire(timeout=60)
        finally:
            closed.append(True)

    async def main():
        pool = Pool("p", 1)
        async with aclosing(pool.aiter(feed(), max_wait=0.001)) as items:
            await anext(items)
        steps.release(100)
        await until(lambda: closed)
        return await pool.run(lambda: "free")

    assert run(main()) == "free"
    assert read in ([0], [0, 1])


def test_a_full_pool_does_not_refuse_what_it_has_begun(run, until):
    """Only the first batch needs room in the queue; the others wait their turn."""
    go = threading.Event()

    async def main():
        pool = Pool("p", 1, max_queue=0)
        items = pool.aiter(range(6), max_items=2)
        got = [await anext(items), await anext(items)]
        others = asyncio.create_task(pool.run(go.wait, 60))
        await until(lambda: pool.stats().busy)
        with pytest.raises(PoolFull):
            await anext(pool.aiter(range(6)))
        rest = asyncio.create_task(collect(items, got))
        await until(lambda: pool.stats().queued or rest.done())
        go.set()
        await asyncio.gather(others, rest)
        return got

    assert run(main()) == list(range(6))


def test_a_closed_pool_ends_an_iteration_at_its_next_batch(run):
    """PoolClosed, after the items that were read."""
    got = []

    async def main():
        pool = Pool("p", 1)
        items = pool.aiter(range(6), max_items=2, max_wait=60)
        got.append(await anext(items))
        await pool.aclose(60)
        with pytest.raises(PoolClosed):
            await collect(items, got)

    run(main())
    assert got == [0, 1]


def test_what_was_iterated_is_let_go_at_once(run):
    """Neither a timer nor a cycle keeps the iterable and its items until later."""

    class Rows(list):
        pass

    async def main():
        pool = Pool("p", 1)
        await pool.run(int)
        gc.collect()
        gc.disable()
        try:
            rows = Rows([Rows(), Rows()])
            kept = [weakref.ref(rows), weakref.ref(rows[0])]
            assert len([row async for row in pool.aiter(rows, max_wait=60)]) == 2
            del rows
            await pool.run(int)  # the thread has come back for something else
            return [ref() for ref in kept]
        finally:
            gc.enable()

    assert run(main()) == [None, None]


def test_it_runs_ahead_by_one_batch_at_most(run):
    """A consumer that stops finds at most max_items more produced, and no slot held meanwhile."""
    produced = []

    def source():
        for n in range(1000):
            produced.append(n)
            yield n

    async def main():
        pool = Pool("p", 1)
        async with aclosing(pool.aiter(source(), max_items=10, max_wait=30)) as items:
            async for item in items:
                if item == 25:
                    break
            return pool.stats().busy, await pool.run(lambda: "free"), len(produced)

    assert run(main()) == (0, "free", 30)


def test_a_consumer_that_leaves_early_closes_the_generator(run):
    """aclose closes it in a thread of the pool, once, before it returns."""
    source = Source()

    async def main():
        async with aclosing(Pool("p").aiter(source, max_wait=60)) as items:  # no batch is under way when it leaves
            async for item in items:
                if item == 3:
                    break
        return source.closes

    assert run(main()) == 1
    assert source.closed_in not in (None, threading.get_ident())


def test_a_consumer_that_forgets_aclose_closes_it_all_the_same(run, until):
    """break without aclose: the loop's generator hook does it."""
    source = Source()

    async def main():
        async for item in Pool("p").aiter(source):
            if item == 3:
                break
        await until(lambda: source.closes)

    run(main())
    assert source.closed_in != threading.get_ident()


def test_a_cancelled_consumer_closes_the_generator_when_it_comes_back(run, until):
    """Cancelled while a thread reads, the consumer goes at once and the thread closes what it reads."""
    go, reading, closed = threading.Event(), threading.Event(), []

    def source():
        try:
            yield 1
            reading.set()
            assert go.wait(60)
            yield 2
        finally:
            closed.append(threading.get_ident())

    async def consume(pool):
        async for _ in pool.aiter(source(), max_wait=0.001):
            pass

    async def main():
        pool = Pool("p", 1)
        task = asyncio.create_task(consume(pool))
        await until(reading.is_set)
        task.cancel()
        await asyncio.wait([task])
        before = list(closed)
        go.set()
        await until(lambda: closed)
        return before, await pool.run(lambda: "free")

    assert run(main()) == ([], "free")
    assert len(closed) == 1


@pytest.mark.parametrize("turns", range(0, 14, 2))
def test_an_iteration_cancelled_at_any_await_closes_what_it_began(run, until, turns):
    """Wherever the cancellation falls, a generator that ran is closed once and the slot is free again."""
    source = Source()

    async def main():
        pool = Pool("p", 1)

        async def consume():
            async for _ in pool.aiter(source, max_items=2):
                await asyncio.sleep(0)

        task = asyncio.create_task(consume())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await until(lambda: source.closes == bool(source.ran_in) and not pool._bulkhead.live)

    run(main())


def test_a_generator_has_one_context_throughout(run):
    """What it sets between two items is there after the next, and closing resets tokens in the same context."""

    def source():
        token = VAR.set("mine")
        try:
            for _ in range(10):
                yield VAR.get()
        finally:
            VAR.reset(token)

    async def main():
        VAR.set("caller")
        items = [item async for item in Pool("p", 4).aiter(source(), max_items=2)]
        async with aclosing(Pool("p", 4).aiter(source(), max_items=2)) as some:
            await anext(some)
        return items, VAR.get()

    assert run(main()) == (["mine"] * 10, "caller")


def test_a_batch_that_takes_too_long_is_a_timeout(run, until, clock):
    """The pool's timeout holds for each batch; the items before it arrive first, and it is raised once, to the consumer."""
    go, got, complaints = threading.Event(), [], []

    def source():
        yield 1
        clock[0] += 10**9
        assert go.wait(60)

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        pool = Pool("p", 1).options(timeout=0.05)
        with pytest.raises(TimeoutError):
            await collect(pool.aiter(source(), max_wait=0.001), got)
        go.set()
        await pool.run(int)

    run(main())
    gc.collect()
    assert (got, complaints) == ([1], [])


def test_a_closed_pool_iterates_no_more(run):
    """PoolClosed at the first item."""

    async def main():
        pool = Pool("p", 1)
        await pool.aclose(1)
        with pytest.raises(PoolClosed):
            await anext(pool.aiter([1]))

    run(main())


def test_an_iterator_left_after_its_pool_was_closed_is_closed_all_the_same(run, until):
    """A pool that takes no more calls still cleans up, and its thread ends after that."""
    source = Source()

    async def main():
        pool = Pool("closed-early", 1)
        items = pool.aiter(source, max_items=2, max_wait=60)
        await anext(items)
        assert await pool.aclose(60) == []
        await items.aclose()
        await until(lambda: not threads_of("closed-early"))
        assert await pool.aclose(60) == []

    run(main())
    assert source.closes == 1
