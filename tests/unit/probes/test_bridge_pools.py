"""Laws of the pools probe on unjam.bridge: who queued, what held the threads, and no word of it in the bridge itself."""

import asyncio
import threading
from contextlib import contextmanager

import pytest

from unjam.bridge import Pool
from unjam.bridge.bulkhead import Bulkhead
from unjam.bridge.calls import Call
from unjam.errors import QueueTimeout

THRESHOLD_NS = 20_000_000


def wait_past_the_threshold():
    threading.Event().wait(THRESHOLD_NS * 3 / 1e9)


def named(function):
    return f"{__name__}.{function.__qualname__}"


def test_calls_behind_a_full_pool_are_told(watch):
    """What queued for the threshold is told with its function and its site, and so is what held the thread meanwhile."""

    async def user(pool):
        await pool.run(sorted, ())

    async def main():
        pool = Pool("narrow", 1)
        await asyncio.gather(pool.wrap(wait_past_the_threshold)(), user(pool))

    asyncio.run(main())
    call, pool = watch.first("poolcall"), watch.first("pool")
    assert ("narrow", "sorted", 1) == (call["pool"], call["call"], call["n"])
    assert [__file__, "user"] == [call["site"][0], call["site"][2].rpartition(".")[2]]
    assert call["queued_ns"] >= THRESHOLD_NS
    assert ("narrow", "bridge", 1) == (pool["pool"], pool["kind"], pool["limit"])
    held = {occupant["call"]: occupant["ran_ns"] for occupant in pool["held"]}
    assert held[named(wait_past_the_threshold)] >= THRESHOLD_NS


def test_a_pool_that_is_merely_busy_is_silent(watch):
    """As many long calls as there are threads make nobody wait."""

    async def main():
        pool = Pool("wide", 3)
        await asyncio.gather(*(pool.run(wait_past_the_threshold) for _ in range(3)))

    asyncio.run(main())
    assert [] == watch.all()


def test_a_call_that_gave_up_in_the_queue_is_told(watch):
    """Whoever waited in vain waited for the pool as well."""

    async def main():
        pool, go = Pool("stuck", 1), threading.Event()
        running = asyncio.create_task(pool.run(go.wait, 60))
        await asyncio.sleep(0)
        with pytest.raises(QueueTimeout):
            await pool.options(queue_timeout=THRESHOLD_NS * 2 / 1e9).run(print)
        told = watch.all()
        go.set()
        await running
        return told

    (call,) = [event for event in asyncio.run(main()) if event["e"] == "poolcall"]
    assert ("stuck", "print", 1, 0) == (call["pool"], call["call"], call["n"], call["ran_ns"])


def test_a_full_pool_is_told_while_it_is_stuck(watch):
    """Who waits behind a thread that does not come back is told before anything ends, with what holds the thread."""

    async def main():
        pool, go = Pool("reports", 1), threading.Event()

        def hold():
            go.wait(60)

        tasks = [asyncio.create_task(pool.run(function)) for function in (hold, print)]
        await asyncio.sleep(THRESHOLD_NS * 3 / 1e9)
        told = watch.events("pool")
        go.set()
        await asyncio.gather(*tasks)
        return told

    event = asyncio.run(main())[0]
    assert ("reports", 1, 1) == tuple(event[key] for key in ("pool", "busy", "queued"))
    assert event["oldest_ns"] >= THRESHOLD_NS
    assert event["workers"][0]["call"].endswith("hold")


def test_a_thread_that_is_held_is_told_by_its_holder(watch):
    """A body of acontext keeps the thread though nothing runs there: the line that entered it is what to look at."""

    @contextmanager
    def session():
        yield

    async def body(pool):
        async with pool.acontext(session()):
            await asyncio.sleep(THRESHOLD_NS * 3 / 1e9)

    async def main():
        pool = Pool("sessions", 1)
        await asyncio.gather(body(pool), pool.run(print))

    asyncio.run(main())
    (call,) = watch.events("poolcall")
    held = watch.first("pool")["held"]
    assert "print" == call["call"]
    longest = max(held, key=lambda occupant: occupant["ran_ns"])
    assert "body" == longest["site"][2].rpartition(".")[2]
    assert "session" == longest["call"].rpartition(".")[2]


def test_a_hostile_callable_is_never_asked(watch):
    """No name, no truth, no class of the program's objects is looked at through their own code."""

    class Hostile:
        def __call__(self):
            wait_past_the_threshold()

        def __getattribute__(self, name):
            raise AssertionError(name)

        def __bool__(self):
            raise AssertionError

        __repr__ = __len__ = __bool__

    async def main():
        pool = Pool("hostile", 1)
        await asyncio.gather(*(pool.run(Hostile()) for _ in range(2)))

    asyncio.run(main())
    assert watch.first("poolcall")["call"].endswith("Hostile")


def test_the_bridge_says_the_same_while_it_is_watched(watch):
    """stats() names the user's frames and no others, results and tracebacks are whole, and all is restored afterwards."""

    async def main():
        pool, go = Pool("same", 1), threading.Event()

        def hold():
            go.wait(60)
            raise LookupError

        running = asyncio.create_task(pool.run(hold))
        while pool.stats().oldest is None:
            await asyncio.sleep(0.001)
        stack = pool.stats().oldest.stack
        go.set()
        with pytest.raises(LookupError) as caught:
            await running
        return stack, [entry.name for entry in caught.traceback]

    watched = Bulkhead.admit, Bulkhead.withdraw, Call.execute
    told = asyncio.run(main())
    watch.pools.uninstall()
    unwatched = Bulkhead.admit, Bulkhead.withdraw, Call.execute
    assert told == asyncio.run(main())
    assert not set(watched) & set(unwatched)
