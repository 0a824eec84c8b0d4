"""The bridge under anyio's scopes on asyncio, and under trio."""

import sqlite3
import threading
from contextlib import aclosing, contextmanager

import anyio
import pytest
import trio

from unjam.bridge import Channel, Pool, Portal, cancelled, wait
from unjam.errors import NoLoop, QueueTimeout, WouldDeadlock

BACKENDS = ["asyncio", "trio"]


@pytest.fixture(params=BACKENDS)
def run(request):
    """Run an async function on one of anyio's backends, and fail when it hangs."""

    async def limited(afn):
        with anyio.fail_after(60):
            return await afn()

    return lambda afn: anyio.run(limited, afn, backend=request.param)


async def cancel_when_running(pool, scope):
    while not pool.stats().busy:
        await anyio.sleep(0.001)
    scope.cancel()


def test_calls_waits_and_errors(run):
    """run, wait and nesting through a full pool work as on plain asyncio."""

    async def main():
        pool = Pool("p", 1)

        def down(n):
            async def again():
                await anyio.sleep(0)
                return await pool.run(down, n - 1)

            return wait(again) + 1 if n else 0

        with pytest.raises(KeyError):
            await pool.run({}.__getitem__, 1)
        with pytest.raises(RuntimeError):
            await pool.run(next, iter(()))
        with pytest.raises(WouldDeadlock):
            wait(anyio.sleep, 0)
        return await pool.run(down, 4)

    assert run(main) == 4


def test_a_scope_cancels_a_call_and_the_slot_stays(run):
    """move_on_after ends the await at once; the thread keeps its slot and hears of it."""
    go = threading.Event()

    async def main():
        pool = Pool("p", 1)
        async with anyio.create_task_group() as group:
            group.start_soon(cancel_when_running, pool, group.cancel_scope)
            await pool.run(go.wait, 60)
        busy = pool.stats().abandoned
        with pytest.raises(QueueTimeout):
            await pool.options(queue_timeout=0.02).run(cancelled)
        go.set()
        assert await pool.run(cancelled) is False
        return busy

    assert run(main) == 1


def test_on_cancel_wait_holds_in_a_cancelled_scope(run):
    """The scope waits for the thread, without turning in circles meanwhile."""
    ended = threading.Event()

    def work():
        while not cancelled():
            ended.wait(0.002)
        ended.wait(0.05)
        ended.set()

    async def main():
        pool, reached = Pool("p", 1), []
        async with anyio.create_task_group() as group:
            group.start_soon(cancel_when_running, pool, group.cancel_scope)
            await pool.options(on_cancel="wait").run(work)
            reached.append("the end of a cancelled body")
        return reached, ended.is_set()

    assert run(main) == ([], True)


def test_timeouts_count_from_the_start(run):
    """The run timeout works without asyncio's timers."""
    go = threading.Event()

    async def main():
        pool = Pool("p", 1)
        with pytest.raises(TimeoutError):
            await pool.options(timeout=0.02).run(go.wait, 60)
        go.set()
        return await pool.options(timeout=60, queue_timeout=60).run(lambda: "ran")

    assert run(main) == "ran"


def test_iteration_contexts_and_pinned_objects(run):
    """Batches, held threads and pinned objects, left early and in cancelled scopes."""
    closes = []

    def source():
        try:
            yield from range(1000)
        finally:
            closes.append(threading.get_ident())

    @contextmanager
    def manager():
        yield threading.get_ident()

    async def main():
        pool = Pool("p", 2)
        assert [n async for n in pool.aiter(source())] == list(range(1000))
        async with aclosing(pool.aiter(source(), max_wait=60)) as items:
            async for n in items:
                if n == 3:
                    break
        with anyio.CancelScope() as scope:
            async with aclosing(pool.aiter(source(), max_wait=60)) as items:
                async for _ in items:
                    scope.cancel()
                    await anyio.sleep(0)
        async with pool.acontext(manager()) as ident:
            assert await pool.run(threading.get_ident) == ident
        async with pool.pinned(sqlite3.connect, ":memory:") as db:
            assert await db.run(lambda c: c.execute("select 7").fetchone()) == (7,)
        return await pool.aclose(60)

    assert run(main) == []
    assert len(closes) == 3
    assert threading.get_ident() not in closes


def test_channels(run):
    """Items go between threads and tasks, and cancelled takers take nothing."""
    channel = Channel(4)

    async def main():
        with anyio.move_on_after(0.02):
            await channel.aget()
        pool = Pool("p", 2)

        async def produce():
            await pool.run(lambda: [channel.put(n) for n in range(2000)])
            channel.close()

        async with anyio.create_task_group() as group:
            group.start_soon(produce)
            return [n async for n in channel]

    assert run(main) == list(range(2000))


def test_a_portal_leads_onto_the_loop(run):
    """Portal.current().wait from a plain thread; cancelling its future cancels the coroutine."""
    seen = []

    async def hangs():
        seen.append("began")
        try:
            await anyio.sleep_forever()
        finally:
            seen.append("ended")

    async def main():
        portal, got = Portal.current(), []

        def thread():
            got.append(portal.wait(anyio.sleep, 0))
            future = portal.submit(hangs)
            while not seen:
                threading.Event().wait(0.001)
            future.cancel()
            while len(seen) < 2:
                threading.Event().wait(0.001)

        await Pool("p").run(thread)
        return got

    assert run(main) == [None]
    assert seen == ["began", "ended"]


def test_a_wait_on_a_trio_run_that_has_ended_is_refused():
    """The run is over: NoLoop, not a hang."""

    async def main():
        return Portal.current()

    portal = trio.run(main)
    with pytest.raises(NoLoop):
        portal.wait(anyio.sleep, 0)
