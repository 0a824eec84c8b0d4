"""Laws of time limits and ends, for everything that takes them: wrapped functions, batches, contexts, pinned objects, closing."""

import asyncio
import threading
from contextlib import contextmanager

import pytest

from unjam.bridge import Pool
from unjam.errors import PoolClosed, QueueTimeout

SHORT = 0.01


class Stuck:
    """Something that goes on when it is told to, and says where it has got to."""

    def __init__(self):
        self.go = threading.Event()
        self.began = threading.Event()
        self.steps = []

    def __call__(self, *_):
        self.began.set()
        assert self.go.wait(60)
        self.steps.append("went on")
        return "done"

    @contextmanager
    def entering(self):
        self()
        try:
            yield
        finally:
            self.steps.append("left")

    @contextmanager
    def leaving(self):
        try:
            yield
        finally:
            self()


async def freed(pool, until):
    """Wait until nothing holds a slot, and use one."""
    await until(lambda: not pool._bulkhead.live)
    return await pool.run(lambda: "free")


def test_a_view_wraps_with_its_limits(run, until):
    """What is wrapped by a view has the view's options."""
    stuck = Stuck()

    async def main():
        pool = Pool("p", 1)
        wrapped = pool.options(timeout=SHORT).wrap(stuck.__call__)
        with pytest.raises(TimeoutError):
            await wrapped()
        stuck.go.set()
        return await freed(pool, until)

    assert run(main()) == "free"
    assert stuck.steps == ["went on"]


def test_a_timeout_asks_to_stop(run, until):
    """A callable on_cancel is called when the time is up as it is at a cancellation; then the caller waits for the end."""
    stuck = Stuck()

    async def main():
        pool = Pool("p", 1)
        with pytest.raises(TimeoutError):
            await pool.options(timeout=SHORT, on_cancel=stuck.go.set).run(stuck)
        return list(stuck.steps), await freed(pool, until)

    assert run(main()) == (["went on"], "free")


def test_an_enter_that_takes_too_long_is_undone(run, until):
    """The caller gets TimeoutError; what is entered afterwards is left in its thread, and the slot is free."""
    stuck = Stuck()

    async def main():
        pool = Pool("p", 1)
        with pytest.raises(TimeoutError):
            async with pool.options(timeout=SHORT).acontext(stuck.entering()):
                pytest.fail("the body began")
        stuck.go.set()
        return await freed(pool, until)

    assert run(main()) == "free"
    assert stuck.steps == ["went on", "left"]


def test_an_exit_that_takes_too_long_goes_on(run, until):
    """The caller gets TimeoutError; the exit keeps its thread until it has ended."""
    stuck = Stuck()

    async def main():
        pool = Pool("p", 1)
        with pytest.raises(TimeoutError):
            async with pool.options(timeout=SHORT).acontext(stuck.leaving()):
                pass
        busy = pool.stats().busy
        stuck.go.set()
        return busy, await freed(pool, until)

    assert run(main()) == (1, "free")
    assert stuck.steps == ["went on"]


def test_a_call_of_a_pinned_object_that_takes_too_long_keeps_the_object(run, until):
    """The caller gets TimeoutError; the next call comes after the end of that one, to the same object."""
    stuck, made = Stuck(), []

    async def main():
        pinned = Pool("p", 1).options(timeout=SHORT).pinned(lambda: made)
        with pytest.raises(TimeoutError):
            await pinned.run(lambda items: items.append(stuck()))
        following = asyncio.create_task(pinned.run(lambda items: items.append("next")))
        await asyncio.sleep(0)
        stuck.go.set()
        await asyncio.wait([following])  # which a busy machine may let run out of time as well
        await until(lambda: len(made) == 2)

    run(main())
    assert made == ["done", "next"]


def test_a_batch_that_gets_no_thread_in_time_never_begins(run, until):
    """The iteration ends with QueueTimeout, its generator untouched, and takes no slot."""
    stuck, steps = Stuck(), []

    def source():
        steps.append("began")
        yield 1

    async def main():
        pool = Pool("p", 1)
        holder = asyncio.create_task(pool.run(stuck))
        await until(stuck.began.is_set)
        with pytest.raises(QueueTimeout):
            await anext(pool.options(queue_timeout=SHORT).aiter(source()))
        stuck.go.set()
        await holder
        return await freed(pool, until)

    assert run(main()) == "free"
    assert steps == []


@pytest.mark.parametrize("why", ["out of time", "cancelled", "closed"])
def test_an_iteration_that_gets_no_thread_half_way_is_closed_when_there_is_one(run, until, hurry, why):
    """Its consumer hears at once why it ends; the generator is closed in a thread of the pool, once one is free."""
    stuck, closed_in = Stuck(), []

    def source():
        try:
            yield from range(10)
        finally:
            closed_in.append(threading.get_ident())

    async def main():
        pool = Pool("p", 1)
        worker = await pool.run(threading.get_ident)
        items = pool.options(queue_timeout=60 if why == "out of time" else None).aiter(source(), max_items=1)
        await anext(items)
        await until(lambda: not pool._bulkhead.live)
        holder = asyncio.create_task(pool.run(stuck))
        await until(stuck.began.is_set)
        if why == "closed":
            assert await pool.aclose(SHORT)
        hurry()
        following = asyncio.create_task(anext(items))
        if why == "cancelled":
            await until(lambda: pool.stats().queued)
            following.cancel()
        await asyncio.wait([following])
        early = list(closed_in)
        stuck.go.set()
        await holder
        await until(lambda: closed_in)
        return early, worker, asyncio.CancelledError if following.cancelled() else type(following.exception())

    early, worker, error = run(main())
    assert {"out of time": QueueTimeout, "cancelled": asyncio.CancelledError}.get(why, PoolClosed) is error
    assert threading.get_ident() not in closed_in
    assert early == [] or why == "closed"
    assert closed_in == [worker] or why == "closed"  # a closed pool cleans up in a thread of its own


def test_many_may_close_a_pool(run, until):
    """Each aclose, from several tasks at once, returns when the last call has ended, or says at its own time what is stuck."""
    stuck = Stuck()

    async def main():
        pool = Pool("p", 1)
        holder = asyncio.create_task(pool.run(stuck))
        await until(stuck.began.is_set)
        patient = [asyncio.create_task(pool.aclose(60)) for _ in range(3)]
        [named] = await pool.aclose(SHORT)
        waiting = [task.done() for task in patient]
        stuck.go.set()
        return named.call, waiting, await asyncio.gather(*patient), await holder

    assert run(main()) == ("Stuck", [False] * 3, [[]] * 3, "done")


@pytest.mark.parametrize("how", ["timeout", "cancel"])
def test_the_caller_waits_for_who_stops_its_call(run, until, how):
    """Though the call has ended by itself: who comes late would stop what the caller does next."""
    stuck, stop_begins, stop_ends = Stuck(), threading.Event(), threading.Event()

    def stop():
        stop_begins.set()
        assert stop_ends.wait(60)

    async def main():
        pool = Pool("p", 1)
        view = pool.options(on_cancel=stop, timeout=0.01 if how == "timeout" else None)
        task = asyncio.create_task(view.run(stuck))
        await until(stuck.began.is_set)
        if how == "cancel":
            task.cancel()
        await until(stop_begins.is_set)
        stuck.go.set()
        assert await pool.run(lambda: "free") == "free"
        early = task.done()
        stop_ends.set()
        [outcome] = await asyncio.gather(task, return_exceptions=True)
        return early, type(outcome)

    assert run(main()) == (False, TimeoutError if how == "timeout" else asyncio.CancelledError)
