import asyncio
import contextlib
import contextvars
import gc
import sqlite3
import threading

import pytest

from unjam.bridge import Pool, wait
from unjam.errors import PoolClosed, QueueTimeout

VAR = contextvars.ContextVar("VAR", default="unset")


class Recorder:
    """A context manager that notes the threads in which it is entered and left."""

    def __init__(self, *, swallow=False):
        self.swallow = swallow
        self.entered_in = self.left_in = self.error = None
        self.go = threading.Event()
        self.go.set()
        self.entering = threading.Event()

    def __enter__(self):
        self.entering.set()
        assert self.go.wait(60)
        self.entered_in = threading.get_ident()
        self.token = VAR.set("entered")
        return self

    def __exit__(self, kind, exc, tb):
        self.left_in = threading.get_ident()
        self.error = exc
        VAR.reset(self.token)
        return self.swallow


def test_enter_and_exit_run_on_one_thread(run):
    """The same thread enters and leaves, in one context, and it is not the loop's."""
    recorder = Recorder()

    async def main():
        pool = Pool("p", 4)
        async with pool.acontext(recorder) as value:
            assert value is recorder
            await asyncio.gather(*[pool.run(threading.get_ident) for _ in range(8)])
        return pool.stats().busy

    run(main())
    assert recorder.entered_in == recorder.left_in != threading.get_ident()


def test_the_body_runs_on_the_held_thread(run):
    """Calls of the body, one at a time, run where the manager was entered: thread-bound objects work."""

    async def main():
        pool = Pool("p", 4)
        async with pool.acontext(contextlib.closing(sqlite3.connect(":memory:", check_same_thread=False))):
            pass

        def connect():
            return contextlib.closing(sqlite3.connect(":memory:"))

        @contextlib.contextmanager
        def session():
            with connect() as connection:
                yield connection

        async with pool.acontext(session()) as connection:
            await pool.run(connection.execute, "create table t (n)")
            await pool.run(connection.executemany, "insert into t values (?)", [(n,) for n in range(600)])
            cursor = await pool.run(connection.execute, "select n from t order by n")
            return [n async for (n,) in pool.aiter(cursor)]

    assert run(main()) == list(range(600))


def test_the_exit_never_queues(run):
    """As many bodies as slots, each using the pool, with more waiting outside: all of them end."""

    async def main():
        pool = Pool("p", 2)

        async def request(n):
            async with pool.acontext(Recorder()):
                await asyncio.sleep(0)
                return await pool.run(pow, n, 2)

        return await asyncio.gather(*[request(n) for n in range(40)])

    assert run(main()) == [n * n for n in range(40)]


def test_a_body_in_a_full_pool_may_fan_out_and_nest(run):
    """gather and sync -> async -> sync inside a body of the only slot end as well."""

    async def main():
        pool = Pool("p", 1, max_queue=0)

        async def inner(n):
            return await pool.run(pow, n, 2)

        async with pool.acontext(Recorder()):
            return await asyncio.gather(*[pool.run(wait, inner, n) for n in range(6)])

    assert run(main()) == [n * n for n in range(6)]


def test_the_exit_gets_the_error_and_may_swallow_it(run):
    """__exit__ sees the body's exception; a true result swallows it."""
    keeps, swallows = Recorder(), Recorder(swallow=True)
    error = KeyError("body")

    async def main():
        pool = Pool("p", 1)
        with pytest.raises(KeyError):
            async with pool.acontext(keeps):
                raise error
        async with pool.acontext(swallows):
            raise error

    run(main())
    assert (keeps.error, swallows.error) == (error, error)


def test_an_enter_that_fails_frees_its_slot(run):
    """The exception arrives, __exit__ is not called, the slot is free."""

    class Broken(Recorder):
        def __enter__(self):
            raise ZeroDivisionError

    broken = Broken()

    async def main():
        pool = Pool("p", 1)
        with pytest.raises(ZeroDivisionError):
            async with pool.acontext(broken):
                pass
        return await pool.run(lambda: "free")

    assert run(main()) == "free"
    assert broken.left_in is None


def test_a_caller_cancelled_during_enter_leaves_nothing_open(run, until):
    """What is entered after its caller has gone is left at once, in its thread."""
    recorder = Recorder()
    recorder.go.clear()

    async def main():
        pool = Pool("p", 1)

        async def body():
            async with pool.acontext(recorder):
                raise AssertionError("never reached")

        task = asyncio.create_task(body())
        await until(recorder.entering.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        recorder.go.set()
        return await pool.run(lambda: "free")

    assert run(main()) == "free"
    assert recorder.left_in == recorder.entered_in is not None


def test_a_caller_that_leaves_the_queue_never_enters(run, until):
    """Cancelled or out of time before there was a thread: the manager is not touched and nothing is held."""
    recorder, go = Recorder(), threading.Event()

    async def main():
        pool = Pool("p", 1)
        holder = asyncio.create_task(pool.run(go.wait, 60))
        await until(lambda: pool.stats().calls)
        with pytest.raises(QueueTimeout):
            async with pool.options(queue_timeout=0.01).acontext(recorder):
                pass
        go.set()
        await holder
        await until(lambda: not pool.stats().busy)
        return pool.stats().queued, await pool.run(lambda: "free")

    assert run(main()) == (0, "free")
    assert not recorder.entering.is_set()


@pytest.mark.parametrize("turns", range(0, 12, 2))
def test_a_context_cancelled_at_any_await_is_left_if_entered(run, until, turns):
    """Wherever the cancellation falls, enter and exit come in pairs and the slot is free again."""
    recorder = Recorder()

    async def main():
        pool = Pool("p", 1)

        async def body():
            async with pool.acontext(recorder):
                await pool.run(lambda: None)

        task = asyncio.create_task(body())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert await pool.run(lambda: "free") == "free"
        await until(lambda: not pool._bulkhead.live)

    run(main())
    assert recorder.left_in == recorder.entered_in


def test_a_pinned_object_stays_on_its_thread(run):
    """Made, used and closed on one thread; what it gives out is used there too. Elsewhere sqlite3 itself objects."""

    async def main():
        pool = Pool("p", 3)
        async with pool.pinned(sqlite3.connect, ":memory:") as db:
            await db.call("execute", "create table t (n)")
            await asyncio.gather(*[db.call("execute", "insert into t values (?)", (n,)) for n in range(20)])
            rows = await db.run(lambda connection: connection.execute("select n from t").fetchall())
            connection = await db.run(lambda connection: connection)
            with pytest.raises(sqlite3.ProgrammingError, match="thread"):
                connection.execute("select 1")
            with pytest.raises(sqlite3.ProgrammingError, match="thread"):
                await pool.run(connection.execute, "select 1")
            held = pool.stats().busy
        with pytest.raises(PoolClosed, match="pinned"):
            await db.call("execute", "select 1")
        with pytest.raises(sqlite3.ProgrammingError, match="thread"):
            connection.close()
        return sorted(n for (n,) in rows), held

    rows, held = run(main())
    assert rows == list(range(20))
    assert held >= 1


def test_a_pinned_object_is_used_from_several_loops():
    """Two loops in two threads share it; each gets its own results."""
    pool = Pool("p", 2)
    db = pool.pinned(dict)

    async def use(base):
        for n in range(50):
            await db.run(dict.__setitem__, base + n, threading.get_ident())
        return await db.run(len)

    started = [threading.Thread(target=lambda base=base: asyncio.run(use(base))) for base in (0, 1000)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(60)
    assert asyncio.run(db.run(len)) == 100
    assert asyncio.run(db.aclose()) is None


def test_a_factory_that_fails_is_tried_again(run):
    """The error goes to the call that needed the object; the next one tries anew."""
    attempts = []

    def factory():
        attempts.append(1)
        if len(attempts) == 1:
            raise ConnectionError
        return "connected"

    async def main():
        pinned = Pool("p", 1).pinned(factory)
        with pytest.raises(ConnectionError):
            await pinned.run(str)
        return await pinned.run(str)

    assert run(main()) == "connected"


def test_a_dropped_pinned_object_frees_its_slot(run, until):
    """Without aclose, collection gives the slot back."""

    async def main():
        pool = Pool("p", 1)
        pinned = pool.pinned(list)
        await pinned.run(len)
        del pinned
        gc.collect()
        return await pool.run(lambda: "free")

    assert run(main()) == "free"


def test_a_dropped_pinned_object_is_closed_on_its_thread(run, until):
    """Without aclose as well, and it says so."""

    class Thing:
        def __init__(self):
            self.made_in = threading.get_ident()

        def close(self):
            closed.append(self.made_in == threading.get_ident())

    closed = []

    async def main():
        pool = Pool("p", 1)
        pinned = [pool.pinned(Thing)]
        await pinned[0].run(id)
        with pytest.warns(ResourceWarning, match=r"a pinned .*Thing was dropped without `aclose`"):
            pinned.clear()
        await until(lambda: closed)
        async with pool.pinned(Thing) as kept:
            await kept.run(id)
        return await pool.run(lambda: "free")

    assert run(main()) == "free"
    assert closed == [True, True]


def test_a_pinned_object_never_used_costs_nothing(run):
    """No slot, no thread, no factory call before the first use."""

    async def main():
        pool = Pool("p", 1)
        async with pool.pinned(lambda: 1 / 0):
            return pool.stats().busy, await pool.run(lambda: "free")

    assert run(main()) == (0, "free")


def test_a_pinned_object_closed_in_the_queue_is_never_made(run, until):
    """aclose before there was a thread withdraws it."""
    go, made = threading.Event(), []

    async def main():
        pool = Pool("p", 1)
        holder = asyncio.create_task(pool.run(go.wait, 60))
        await until(lambda: pool.stats().calls)
        pinned = pool.pinned(made.append, 1)
        use = asyncio.create_task(pinned.run(str))
        await asyncio.sleep(0)
        use.cancel()
        await asyncio.wait([use])
        await pinned.aclose()
        go.set()
        await holder
        return await pool.run(lambda: "free")

    assert run(main()) == "free"
    assert made == []


def test_closing_a_pinned_object_in_the_queue_ends_its_calls(run, until):
    """Calls that wait for the object get PoolClosed when it is closed before it had a thread."""
    go = threading.Event()

    async def main():
        pool = Pool("p", 1)
        holder = asyncio.create_task(pool.run(go.wait, 60))
        await until(lambda: pool.stats().calls)
        pinned = pool.pinned(list)
        uses = [asyncio.create_task(pinned.run(len)) for _ in range(3)]
        await asyncio.sleep(0)
        await pinned.aclose()
        outcomes = await asyncio.gather(*uses, return_exceptions=True)
        go.set()
        await holder
        return [type(outcome) for outcome in outcomes], pool.stats().queued

    assert run(main()) == ([PoolClosed] * 3, 0)


def test_a_pinned_object_that_got_no_thread_before_the_pool_closed_says_so(run, until):
    """Later uses get PoolClosed as those did that queued with it; there is no thread that they could wait for."""
    go = threading.Event()

    async def main():
        pool = Pool("p", 1)
        holder = asyncio.create_task(pool.run(go.wait, 60))
        await until(lambda: pool.stats().calls)
        pinned = pool.pinned(list)
        first = asyncio.create_task(pinned.run(len))
        await until(lambda: pool.stats().queued == 2)
        await pool.aclose(0.01)
        outcomes = [await asyncio.gather(first, return_exceptions=True)]
        outcomes.append(await asyncio.gather(pinned.run(len), return_exceptions=True))
        go.set()
        await holder
        return [type(outcome) for (outcome,) in outcomes], pool.stats().queued

    assert run(main()) == ([PoolClosed] * 2, 0)


@pytest.mark.parametrize("how", ["cancel", "queue_timeout", "aclose"])
def test_an_exit_that_waits_for_its_thread_is_never_given_up(run, until, hurry, how):
    """While an abandoned call still runs on the held thread, the exit can be neither cancelled nor refused."""
    recorder, go, over = Recorder(), threading.Event(), []

    async def main():
        pool = Pool("p", 1)
        view = pool.options(queue_timeout=60) if how == "queue_timeout" else pool

        async def body():
            async with view.acontext(recorder):
                try:
                    await pool.options(timeout=0.01).run(go.wait, 60)
                except TimeoutError:
                    over.append(hurry())
                    return

        task = asyncio.create_task(body())
        await until(lambda: pool.stats().abandoned and pool.stats().queued)
        if how == "cancel":
            task.cancel()
        elif how == "aclose":
            assert await pool.aclose(0.01)
        else:
            await until(lambda: 60 in over[0])
        go.set()
        await asyncio.wait([task])
        await until(lambda: not pool._bulkhead.live)

    run(main())
    assert recorder.left_in == recorder.entered_in is not None


def test_a_pinned_object_is_closed_though_the_closer_leaves(run, until):
    """A cancelled aclose still closes the object, when its thread is done with what it does."""
    go, closed = threading.Event(), []

    class Thing:
        def close(self):
            closed.append(True)

    async def main():
        pool = Pool("p", 1)
        pinned = pool.pinned(Thing)
        using = asyncio.create_task(pinned.run(lambda _: go.wait(60)))
        await until(lambda: pool.stats().calls and not pool.stats().queued)
        closing = asyncio.create_task(pinned.aclose())
        await until(lambda: pool.stats().queued)
        closing.cancel()
        await asyncio.wait([closing])
        go.set()
        await using
        await until(lambda: not pool._bulkhead.live)

    run(main())
    assert closed == [True]
