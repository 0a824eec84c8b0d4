import asyncio
import contextvars
import threading

import pytest

from unjam.bridge import Pool, Portal, loop_thread, wait
from unjam.bridge.ports import current_port
from unjam.bridge.waiting import Request
from unjam.errors import NoLoop, WouldDeadlock

VAR = contextvars.ContextVar("VAR", default="unset")


async def identity(value):
    return value


async def suspending(value):
    await asyncio.sleep(0)
    return value


async def raising(error):
    raise error


@pytest.mark.parametrize("afn", [identity, suspending])
def test_wait_runs_on_the_loop_that_awaits_the_call(run, afn):
    """wait(afn, ...) is await afn(...), on the loop of the pool call's caller."""

    async def where(value):
        return await afn(value), threading.get_ident(), asyncio.current_task() is not None

    async def main():
        return await Pool("p").run(wait, where, 7)

    assert run(main()) == (7, threading.get_ident(), True)


def test_wait_is_usable_with_asyncio_timeout(run):
    """The coroutine runs in a task from its first step, as asyncio.timeout asks for."""

    async def timed():
        async with asyncio.timeout(60):
            return await suspending("in time")

    async def main():
        return await Pool("p").run(wait, timed)

    assert run(main()) == "in time"


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), StopAsyncIteration()])
def test_errors_go_to_the_waiting_thread_and_spare_the_loop(run, error):
    """Whatever the coroutine raises is raised by wait; the loop runs on."""

    def work():
        try:
            wait(raising, error)
        except BaseException as exc:
            return exc

    async def main():
        return await Pool("p").run(work), await suspending("alive")

    assert run(main()) == (error, "alive")


def test_contextvars_go_to_the_coroutine(run):
    """The coroutine sees the thread's values; what it sets stays with it."""

    async def peek():
        seen = VAR.get()
        VAR.set("coroutine")
        return seen

    def work():
        VAR.set("thread")
        return wait(peek), VAR.get()

    async def main():
        return await Pool("p").run(work)

    assert run(main()) == ("thread", "thread")


@pytest.mark.parametrize("depth", [1, 5])
def test_nested_work_of_a_full_pool_is_served_by_those_who_wait(run, depth):
    """sync -> async -> sync through a pool whose every thread waits ends, instead of hanging for ever."""

    async def main():
        pool = Pool("p", 2)

        def down(n):
            async def again():
                return await pool.run(down, n - 1)

            return wait(again) + 1 if n else 0

        results = await asyncio.gather(*[pool.run(down, depth) for _ in range(8)])
        return results, pool.stats().helped > 0

    assert run(main()) == ([depth] * 8, True)


def test_nested_work_is_served_through_create_task(run):
    """Tasks made below a wait belong to it as well."""

    async def main():
        pool = Pool("p", 1)

        async def inner():
            return await asyncio.gather(*[asyncio.create_task(pool.run(pow, n, 2)) for n in range(10)])

        return await pool.run(wait, inner)

    assert run(main()) == [n * n for n in range(10)]


def test_nested_work_is_served_across_two_pools(run):
    """A call of A waits for B, B's call waits for A, both full: each level is served by its own ancestor."""

    async def main():
        a, b = Pool("a", 1), Pool("b", 1)

        def level(n):
            async def other():
                return await (a if n % 2 else b).run(level, n - 1)

            return wait(other) + 1 if n else 0

        return await a.run(level, 6)

    assert run(main()) == 6


def test_nested_work_passes_the_queue_limit(run):
    """A pool without any room still takes work on which one of its own calls waits."""

    async def main():
        pool = Pool("p", 1, max_queue=0)

        async def inner():
            return await pool.run(lambda: "served")

        return await pool.run(wait, inner)

    assert run(main()) == "served"


def test_a_task_that_outlives_its_waiting_ancestor_is_served_by_the_pool(run):
    """Nothing is posted to a thread that no longer waits: a late call runs when a slot is free."""

    async def main():
        pool, tasks, release = Pool("p", 1), [], asyncio.Event()

        async def late():
            await release.wait()
            return await pool.run(lambda: "late")

        async def inner():
            tasks.append(asyncio.create_task(late()))

        await pool.run(wait, inner)
        release.set()
        return await tasks[0]

    assert run(main()) == "late"


def test_a_loop_inside_a_call_may_use_the_pool_that_it_fills(run):
    """asyncio.run in a pool's thread, awaiting the same full pool, is served by that very thread."""

    async def main():
        pool = Pool("p", 1)

        async def inner():
            return [await pool.run(pow, n, 2) for n in range(5)]

        return await pool.run(lambda: asyncio.run(inner()))

    assert run(main()) == [0, 1, 4, 9, 16]


def test_a_loop_that_moved_out_of_its_pool_runs_no_call_of_it(until):
    """A loop that was first seen in a pool's thread and runs elsewhere now has nothing to lend: the bound holds."""
    loop, pool, go = asyncio.new_event_loop(), Pool("p", 1), threading.Event()

    async def seen():
        Portal.current()

    async def moves():
        await pool.run(lambda: loop.run_until_complete(seen()))

    async def uses():
        first = asyncio.create_task(pool.run(go.wait, 60))
        await until(lambda: pool.stats().busy)
        second = asyncio.create_task(pool.run(threading.get_ident))
        await until(lambda: pool.stats().queued or second.done())
        await asyncio.sleep(0.005)
        early = second.done()
        go.set()
        await first
        return early, await second

    asyncio.run(moves())
    assert loop.run_until_complete(uses())[0] is False
    loop.close()


def test_a_helped_call_sees_its_own_affairs(run):
    """A call served by a waiting thread has its own context and its own errors, StopIteration included."""

    async def main():
        pool = Pool("p", 1)

        def stops():
            assert VAR.get() == "inner"
            VAR.set("helped")
            raise StopIteration

        async def inner():
            VAR.set("inner")
            with pytest.raises(RuntimeError) as caught:
                await pool.run(stops)
            return type(caught.value.__cause__), VAR.get()

        return await pool.run(wait, inner)

    assert run(main()) == (StopIteration, "inner")


def test_wait_on_the_loop_thread_is_refused(run):
    """On the loop's own thread it could never end: WouldDeadlock, at once."""

    async def main():
        portal = Portal.current()
        for attempt in (wait, portal.wait):
            with pytest.raises(WouldDeadlock, match="await the coroutine"):
                attempt(identity, 1)
        return "alive"

    assert run(main()) == "alive"


def test_wait_for_a_loop_that_is_blocked_for_this_call_is_refused(run):
    """A's thread blocks for B; what runs below on B, or in a thread for B, cannot wait for A."""

    async def main():
        with loop_thread() as other:
            mine = Portal.current()
            pool = Pool("p")

            async def on_b_in_a_thread():
                return await pool.run(mine.wait, identity, 1)

            async def on_b():
                return mine.wait(identity, 1)

            for afn in (on_b, on_b_in_a_thread):
                with pytest.raises(WouldDeadlock, match="blocked"):
                    other.wait(afn)
            return other.wait(identity, "fine")

    assert run(main()) == "fine"


def test_two_loops_that_wait_for_each_other_are_refused():
    """Whichever comes second gets WouldDeadlock, though nothing but the two waits connects them."""
    with loop_thread(name="a") as a, loop_thread(name="b") as b:
        entered = threading.Barrier(2)
        outcomes = []

        async def cross(other):
            entered.wait(60)
            try:
                outcomes.append(other.wait(identity, "through"))
            except WouldDeadlock:
                outcomes.append("refused")

        futures = [a.submit(cross, b), b.submit(cross, a)]
        for future in futures:
            future.result(60)
    assert sorted(outcomes) in (["refused", "through"], ["refused", "refused"])


def test_wait_from_a_thread_of_nobody_takes_the_only_loop():
    """A plain thread waits on the one loop that the bridge knows."""
    with loop_thread() as portal:
        home = portal.wait(lambda: identity(threading.get_ident()))

        async def where():
            return threading.get_ident()

        assert wait(where) == home


def test_wait_without_a_loop_is_refused():
    """No loop: NoLoop says how to get one."""
    with pytest.raises(NoLoop, match="loop_thread"):
        wait(identity, 1)


def test_wait_with_several_loops_is_refused():
    """Several loops and nothing to choose by: NoLoop asks for a portal, which works."""
    with loop_thread() as one, loop_thread() as two:
        with pytest.raises(NoLoop, match=r"portal\.wait"):
            wait(identity, 1)
        assert (one.wait(identity, 1), two.wait(identity, 2)) == (1, 2)


def test_wait_ends_when_its_loop_does(run):
    """A loop that stops under a wait leaves nobody behind: NoLoop, or the cancellation of the task."""
    outcome, portals, never = [], [], threading.Event()

    def work():
        never.wait(0.01)
        try:
            portals[0].wait(asyncio.sleep, 3600)
        except (NoLoop, asyncio.CancelledError) as exc:
            outcome.append(type(exc))

    async def main():
        portals.append(Portal.current())
        thread = threading.Thread(target=work)
        thread.start()
        return thread

    thread = run(main())
    thread.join(60)
    assert not thread.is_alive()
    assert outcome[0] in (NoLoop, asyncio.CancelledError)


def test_a_request_left_in_a_closed_loop_ends():
    """A loop closed with the request still in its mailbox gives NoLoop."""
    loop, outcome = asyncio.new_event_loop(), []

    async def open_portal():
        return Portal.current()

    portal = loop.run_until_complete(open_portal())
    loop.call_soon(loop.stop)
    started = threading.Event()

    class Slow(asyncio.Event):
        pass

    def work():
        started.wait(60)
        try:
            portal.wait(identity, 1)
        except NoLoop:
            outcome.append("ended")

    thread = threading.Thread(target=work)
    thread.start()
    started.set()
    loop.run_forever()
    loop.close()
    thread.join(60)
    assert not thread.is_alive()


def test_cancelling_the_caller_cancels_a_wait_in_progress(run, until):
    """The cancellation goes on into the coroutine, and the thread gets CancelledError out of wait."""
    seen = []

    async def long():
        seen.append("began")
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            seen.append("coroutine")
            raise

    def work():
        try:
            wait(long)
        except asyncio.CancelledError:
            seen.append("thread")
            raise

    async def main():
        pool = Pool("p")
        task = asyncio.create_task(pool.run(work))
        await until(lambda: seen)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: len(seen) == 3)
        await until(lambda: not pool.stats().busy)

    run(main())
    assert seen == ["began", "coroutine", "thread"]


def test_a_loop_with_a_task_factory_keeps_it(run):
    """Tasks of wait are made by the loop's own factory."""
    made = []

    def factory(loop, coroutine, **options):
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def main():
        asyncio.get_running_loop().set_task_factory(factory)
        return await Pool("p").run(wait, suspending, "done")

    assert run(main()) == "done"
    assert made


def test_what_need_not_suspend_takes_no_turn_of_the_loop(run):
    """A coroutine runs in a task of its own, and in its caller's context, as soon as its request is taken."""

    async def where():
        return asyncio.current_task(), VAR.get()

    async def main():
        before, ended = asyncio.current_task(), []
        VAR.set("the caller's")
        request = Request(current_port(), None, (where, (), {}), ended.append)
        VAR.set("changed")
        asyncio.get_running_loop().call_soon(request.begin)
        asyncio.get_running_loop().call_soon(lambda: ended.append("the next callback"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task, value = ended[0].result
        return ended[1:], task not in (None, before), value

    assert run(main()) == (["the next callback"], True, "the caller's")


def test_a_loop_whose_call_soon_was_replaced_keeps_it(run):
    """Tools replace `call_soon` of one loop; what the bridge starts does not take that away from them."""

    async def main():
        loop, seen = asyncio.get_running_loop(), []
        stock = loop.call_soon

        def call_soon(callback, *args, context=None):
            seen.append(callback)
            return stock(callback, *args, context=context)

        loop.call_soon = call_soon
        result = await Pool("p").run(wait, suspending, "done")
        return result, loop.call_soon is call_soon, bool(seen)

    assert run(main()) == ("done", True, True)


def test_a_loop_gets_its_call_soon_back(run):
    """Nothing is left of what stands in for it while a task is made."""

    async def main():
        await Pool("p").run(wait, suspending, "done")
        return "call_soon" in vars(asyncio.get_running_loop())

    assert not run(main())


@pytest.mark.parametrize("factory", [None, asyncio.new_event_loop])
def test_a_loop_thread_serves_synchronous_programs(factory):
    """portal.wait and portal.submit run coroutines on it; at the end its tasks are cancelled and the thread is gone."""
    ended = []

    async def forever():
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append("cancelled")

    with loop_thread(loop_factory=factory, name="served") as portal:
        assert portal.wait(suspending, 1) == 1
        assert portal.submit(suspending, 2).result(60) == 2
        with pytest.raises(KeyError):
            portal.submit(raising, KeyError()).result(60)
        cancelled = portal.submit(forever)
        portal.wait(suspending, 0)
        assert cancelled.cancel()
        portal.submit(forever)
        portal.wait(suspending, 0)
    assert ended == ["cancelled", "cancelled"]
    assert "served" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(NoLoop):
        portal.wait(identity, 1)
    with pytest.raises(NoLoop):
        portal.submit(identity, 1)


def test_a_loop_thread_that_does_not_end_is_named():
    """exit_timeout ends the wait for it, and the error says where it is."""
    go, entered = threading.Event(), threading.Event()

    async def blocks():
        entered.set()
        go.wait(60)

    opened = loop_thread(exit_timeout=0.02)
    portal = opened.__enter__()
    portal.submit(blocks)
    assert entered.wait(60)
    with pytest.raises(TimeoutError, match="in blocks"):
        opened.__exit__(None, None, None)
    go.set()


def test_a_loop_factory_that_fails_is_reported():
    """What keeps the loop from starting is raised where the thread was opened."""

    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), loop_thread(loop_factory=broken):
        pass
