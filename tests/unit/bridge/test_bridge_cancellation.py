"""Cancellation at every await of the bridge: what was begun is ended, what was opened is closed, and each slot is free again."""

import asyncio
import threading
import time
from concurrent.futures import CancelledError
from contextlib import aclosing

import anyio
import pytest

from unjam.bridge import Channel, Pool, Portal, loop_thread, wait
from unjam.bridge.ports import current_port
from unjam.bridge.waiting import Request

LIMIT = 60.0


class Interrupted:
    """Awaits a coroutine and calls `cancel` at its suspensions of those numbers, counted from 1; `meanwhile` before each."""

    def __init__(self, coroutine, numbers, cancel, meanwhile=lambda: None):
        self._coroutine, self._numbers, self._cancel, self._meanwhile = coroutine, numbers, cancel, meanwhile
        self.suspensions = 0

    def __await__(self):
        steps, sent, error = self._coroutine.__await__(), None, None
        while True:
            try:
                waits_for = steps.send(sent) if error is None else steps.throw(error)
            except StopIteration as end:
                return end.value
            self.suspensions += 1
            if self.suspensions in self._numbers:
                self._meanwhile()
                self._cancel()
            sent = error = None
            try:
                sent = yield waits_for
            except BaseException as exc:
                error = exc


class Plain:
    """asyncio and uvloop, where tasks are cancelled."""

    def __init__(self, loop):
        self._loop = loop

    def run(self, afn):
        factory = (
            pytest.importorskip("uvloop", reason="uvloop is not made for this platform") if self._loop else asyncio
        )
        with asyncio.Runner(loop_factory=factory.new_event_loop) as runner:
            return runner.run(asyncio.wait_for(afn(), LIMIT))

    async def interrupt(self, coroutine, numbers, meanwhile):
        """Return how often it suspended, and whether it was cancelled."""
        interrupted = Interrupted(coroutine, numbers, lambda: asyncio.current_task().cancel(), meanwhile)

        async def body():
            return await interrupted

        task = asyncio.ensure_future(body())
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
        return interrupted.suspensions, task.cancelled()


class Scoped:
    """anyio's backends, where scopes are."""

    def __init__(self, backend):
        self._backend = backend

    def run(self, afn):
        async def limited():
            with anyio.fail_after(LIMIT):
                return await afn()

        return anyio.run(limited, backend=self._backend)

    async def interrupt(self, coroutine, numbers, meanwhile):
        with anyio.CancelScope() as scope:
            interrupted = Interrupted(coroutine, numbers, scope.cancel, meanwhile)
            await interrupted
        return interrupted.suspensions, scope.cancelled_caught


@pytest.fixture(params=["tasks", "tasks-uvloop", "scopes", "scopes-trio"])
def world(request):
    """Where the cancellation comes from: a task, or a scope of anyio on either backend."""
    kind, _, loop = request.param.partition("-")
    return Plain(loop) if kind == "tasks" else Scoped(loop or "asyncio")


class Count:
    """What was opened and closed: functions, generators, managers, objects."""

    def __init__(self):
        self.opened = self.closed = 0
        self.threads = set()

    def __call__(self):
        self.opened += 1
        self.closed += 1

    def __enter__(self):
        self.opened += 1
        self.threads = {threading.get_ident()}
        return self

    def __exit__(self, *_):
        self.threads.add(threading.get_ident())
        self.closed += 1

    def close(self):
        self.__exit__()

    def items(self):
        with self:
            yield from range(5)

    def waits(self):
        with self:
            wait(suspends)


async def suspends():
    for _ in range(2):
        await anyio.sleep(0)


async def runs(pool, count):
    await pool.run(count)


async def runs_with_limits(pool, count):
    await pool.options(timeout=LIMIT, queue_timeout=LIMIT).run(count)


async def runs_and_is_waited_for(pool, count):
    await pool.options(on_cancel="wait").run(count)


async def runs_and_is_stopped(pool, count):
    await pool.options(on_cancel=lambda: None).run(count)


async def wraps(pool, count):
    await pool.wrap(count.__call__)()


async def iterates(pool, count):
    async with aclosing(pool.aiter(count.items(), max_items=2)) as items:
        async for _ in items:
            pass


async def leaves_an_iteration(pool, count):
    async with aclosing(pool.aiter(count.items(), max_items=2)) as items:
        async for item in items:
            if item == 2:
                break


async def enters(pool, count):
    async with pool.acontext(count):
        await pool.run(int)


async def pins(pool, count):
    async with pool.pinned(count.__enter__) as pinned:
        await pinned.run(id)
        await pinned.call("__sizeof__")


async def waits(pool, count):
    await pool.run(count.waits)


ACTIONS = [
    runs, runs_with_limits, runs_and_is_waited_for, runs_and_is_stopped, wraps, iterates, leaves_an_iteration, enters, pins,
    waits,
]  # fmt: skip


def works(pool):
    """Whether a thread of the pool has anything to do without the loop."""
    calls = [worker.call for worker in pool._bulkhead.workers]
    return any(call is not None and call.inner is None and not call.holds for call in calls) or any(
        not call.holds for call in pool._bulkhead.waiting.copy()
    )


def come_to(condition):
    """Keep the loop here until it holds."""
    ends = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < ends, "it never came to that"
        time.sleep(0.0002)


@pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
@pytest.mark.parametrize("late", [False, True], ids=["at once", "as the outcome comes"])
@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.__name__)
def test_whatever_is_cancelled_at_any_await_leaves_a_whole_pool(world, action, late, again):
    """Before the thread has begun or after it has ended: nothing is left open, lost or held, and other calls are served."""

    async def main():
        pool, number, reached = Pool("p", 1), 0, True
        while reached:
            number, count = number + 1, Count()
            numbers = {number, number + 1} if again else {number}
            meanwhile = (lambda: come_to(lambda: not works(pool))) if late else (lambda: None)
            suspensions, _ = await world.interrupt(action(pool, count), numbers, meanwhile)
            reached = suspensions >= number
            assert await pool.run(lambda: "free") == "free"
            while pool._bulkhead.live:
                await anyio.sleep(0.0002)
            assert (count.opened, len(count.threads) <= 1) == (count.closed, True)
            assert not pool._bulkhead.waiting
        assert count.opened == 1
        return number, len(pool._bulkhead.workers), await pool.aclose(LIMIT)

    numbers, workers, stuck = world.run(main)
    assert numbers > 1
    assert (workers, stuck) == (1, [])


def test_an_aclose_cancelled_at_any_await_can_be_repeated(world):
    """The pool takes nothing more, what is in goes on, and the next aclose says that it has ended."""

    async def main():
        number, reached = 0, True
        while reached:
            number += 1
            pool, go = Pool("p", 1), threading.Event()
            async with anyio.create_task_group() as group:
                group.start_soon(pool.run, go.wait, LIMIT)
                while not pool.stats().busy:
                    await anyio.sleep(0.0002)
                suspensions, _ = await world.interrupt(pool.aclose(LIMIT if number == 1 else 0.001), {number}, go.set)
                reached = suspensions >= number
                go.set()
            assert await pool.aclose(LIMIT) == []
        return number

    assert world.run(main) > 1


@pytest.mark.parametrize("served", [False, True], ids=["nobody came", "somebody came"])
def test_a_putter_cancelled_at_its_await_puts_nothing(world, served):
    """Also if room was made for it in that very moment: the room goes to the next one who waits, here a thread."""
    channel, taken, next_one = Channel(1), [], threading.Thread(target=lambda: channel.put("second", timeout=LIMIT))

    def meanwhile():
        next_one.start()
        come_to(lambda: len(channel._putters) == 2)
        if served:
            taken.append(channel.get())

    async def main():
        channel.put("first")
        _, cancelled = await world.interrupt(channel.aput("never"), {1}, meanwhile)
        if not served:
            taken.append(channel.get())
        return cancelled, await channel.aget(), len(channel)

    assert world.run(main) == (True, "second", 0)
    next_one.join(LIMIT)
    assert taken == ["first"]


@pytest.mark.parametrize("served", [False, True], ids=["nobody came", "somebody came"])
def test_a_taker_cancelled_at_its_await_takes_nothing(world, served):
    """Also if an item was put for it in that very moment: the next one who waits gets it, here a thread."""
    channel, taken = Channel(1), []
    next_one = threading.Thread(target=lambda: taken.append(channel.get(timeout=LIMIT)))

    def meanwhile():
        next_one.start()
        come_to(lambda: len(channel._getters) == 2)
        if served:
            channel.put("item")

    async def main():
        _, cancelled = await world.interrupt(channel.aget(), {1}, meanwhile)
        if not served:
            channel.put("item")
        return cancelled

    assert world.run(main)
    next_one.join(LIMIT)
    assert (taken, len(channel)) == (["item"], 0)


def test_who_waits_for_a_cancelled_thread_sleeps_meanwhile(world):
    """on_cancel="wait" in a scope that stays cancelled: the scope is kept out, instead of being refused turn by turn."""
    go, turns = threading.Event(), 50

    async def main():
        pool = Pool("p", 1)

        async def others():
            for _ in range(turns):
                await anyio.sleep(0)
            go.set()

        async with anyio.create_task_group() as group:
            group.start_soon(others)
            suspensions, cancelled = await world.interrupt(
                pool.options(on_cancel="wait").run(go.wait, LIMIT), {1}, lambda: come_to(lambda: pool.stats().busy)
            )
        return suspensions, cancelled

    suspensions, cancelled = world.run(main)
    assert cancelled
    assert suspensions < turns // 2


def test_a_coroutine_of_wait_cancelled_at_any_await_tells_its_thread(run):
    """Who waits in the thread gets the cancellation, once the coroutine has cleaned up; the loop and the pool go on."""

    async def main():
        pool, number, reached = Pool("p", 1), 0, True
        while reached:
            number, cleaned = number + 1, []

            async def inner(number=number, cleaned=cleaned):
                task = asyncio.current_task()
                interrupted = Interrupted(suspends(), {number}, task.cancel)
                try:
                    return await interrupted
                finally:
                    cleaned.append(interrupted.suspensions)

            def work(inner=inner):
                try:
                    return wait(inner)
                except asyncio.CancelledError:
                    return "cancelled"

            outcome = await pool.run(work)
            reached = cleaned[0] >= number
            assert outcome == ("cancelled" if reached else None)
        return number

    assert run(main()) == 3


def test_a_cancellation_that_overtakes_its_request_ends_it(run, until):
    """The caller may leave between the moment in which a thread says for what it waits and the request itself."""
    began = []

    async def afn():
        began.append(True)

    async def main():
        ended = []
        request = Request(current_port(), None, (afn, (), {}), ended.append)
        request.cancel()
        current_port().post(request.begin)
        await until(lambda: ended)
        return type(ended[0].exception)

    assert run(main()) is asyncio.CancelledError
    assert not began


def test_a_submitted_coroutine_cancelled_at_any_moment_ends_cancelled(run):
    """From another thread, before, while and after it runs: its future is cancelled or has the result, never neither."""
    outcomes = set()

    async def main():
        portal, pool = Portal.current(), Pool("p", 1)

        def submits(turns):
            future = portal.submit(suspends)
            for _ in range(turns):
                wait(suspends)
            future.cancel()
            try:
                return future.result(LIMIT)
            except CancelledError:
                return "cancelled"

        for turns in range(4):
            outcomes.add(await pool.run(submits, turns))

    run(main())
    with loop_thread() as portal:
        never = portal.submit(asyncio.sleep, 3600)
        assert never.cancel()
        assert portal.wait(asyncio.sleep, 0, "alive") == "alive"
    assert outcomes <= {None, "cancelled"}
    assert None in outcomes
