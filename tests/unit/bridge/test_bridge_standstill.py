"""Laws of calls that wait crosswise for each other's pools: all of them end, and nobody is helped who need not be."""

import asyncio
import random
import threading
from contextlib import contextmanager

import pytest

from unjam.bridge import Pool, Portal, loop_thread, wait
from unjam.bridge.standstill import NESTED
from unjam.errors import WouldDeadlock

PARTIES = 60.0


@contextmanager
def held(*_):
    yield


def across(target, meeting, fn=str):
    """A function that waits for a call to `target` once all who meet hold their threads."""

    def hold(n):
        meeting.wait(PARTIES)

        async def elsewhere():
            return await target.run(fn, n)

        return wait(elsewhere)

    return hold


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("limit", [1, 3])
def test_pools_whose_calls_wait_in_a_ring_go_on(run, count, limit):
    """Every thread of each pool waits for the next pool, which is full as well: somebody serves, and all get theirs."""

    async def main():
        pools = [Pool(f"p{n}", limit) for n in range(count)]
        meeting = threading.Barrier(count * limit)
        calls = [pools[n].run(across(pools[(n + 1) % count], meeting), n) for n in range(count) for _ in range(limit)]
        return await asyncio.gather(*calls)

    assert [str(n) for n in range(count) for _ in range(limit)] == run(main())
    assert NESTED == set()


def test_strangers_in_the_queue_do_not_change_that(run):
    """Calls that queued earlier keep their turn, and the ring goes on all the same."""

    async def main():
        a, b, meeting = Pool("a", 1), Pool("b", 1), threading.Barrier(2)
        ring = [asyncio.create_task(a.run(across(b, meeting), 1)), asyncio.create_task(b.run(across(a, meeting), 2))]
        await asyncio.sleep(0)
        strangers = [pool.run(int, n) for pool in (a, b) for n in range(5)]
        return await asyncio.gather(*ring, *strangers)

    assert ["1", "2", *range(5), *range(5)] == run(main())


def test_a_pool_with_a_thread_that_will_come_back_is_left_alone(run, until):
    """As long as one thread runs something by itself the queue moves, and no stranger is served by one that waits."""

    async def main():
        a, b, meeting, go = Pool("a", 2), Pool("b", 1), threading.Barrier(2), threading.Event()
        running = asyncio.create_task(a.run(go.wait, PARTIES))
        await until(lambda: a.stats().busy == 1)
        ring = [asyncio.create_task(a.run(across(b, meeting), 1)), asyncio.create_task(b.run(across(a, meeting), 2))]
        await until(lambda: a.stats().queued == b.stats().queued == 1)
        still = [task.done() for task in ring]
        go.set()
        return still, await asyncio.gather(running, *ring), a.stats().helped + b.stats().helped

    assert ([False, False], [True, "1", "2"], 0) == run(main())


def test_a_ring_that_closes_when_served_work_ends_goes_on(run, until):
    """The last thread may come to a stand by coming back from work that it served, when nothing is queued any more."""

    async def main():
        a, b, go, meeting = Pool("a", 1), Pool("b", 1), threading.Event(), threading.Barrier(2)

        async def both():
            return await asyncio.gather(a.run(go.wait, PARTIES), b.run(str, 1))

        def first():
            meeting.wait(PARTIES)
            return wait(both)

        tasks = [asyncio.create_task(a.run(first)), asyncio.create_task(b.run(across(a, meeting), 2))]
        await until(lambda: a.stats().queued == b.stats().queued == 1)
        go.set()
        return await asyncio.gather(*tasks)

    assert [[True, "1"], "2"] == run(main())


def test_bodies_that_hold_two_pools_crosswise_go_on(run):
    """Each body holds a thread that idles and awaits the other's pool, entered or called: held threads serve as well."""

    async def main():
        a, b, meeting = Pool("a", 1), Pool("b", 1), asyncio.Barrier(2)

        async def body(mine, other):
            async with mine.acontext(held()):
                await meeting.wait()
                async with other.acontext(held()):
                    return await mine.run(str, 1), await other.run(str, 2)

        return await asyncio.gather(body(a, b), body(b, a))

    assert [("1", "2"), ("1", "2")] == run(main())


def test_a_body_and_a_wait_crosswise_go_on(run):
    """One side holds its thread by `acontext`, the other by `wait`."""

    async def main():
        a, b, meeting = Pool("a", 1), Pool("b", 1), threading.Barrier(2)

        async def body():
            async with a.acontext(held()):
                await a.run(meeting.wait, PARTIES)
                return await b.run(str, 1)

        return await asyncio.gather(body(), b.run(across(a, meeting), 2))

    assert ["1", "2"] == run(main())


def test_loops_inside_two_pools_crosswise_go_on(run):
    """asyncio.run in a call of each pool, awaiting the other pool: the threads under the loops serve."""

    async def main():
        a, b, meeting = Pool("a", 1), Pool("b", 1), threading.Barrier(2)

        def inside(other):
            async def await_other():
                meeting.wait(PARTIES)
                return await other.run(str, 1)

            return asyncio.run(await_other())

        return await asyncio.gather(a.run(inside, b), b.run(inside, a))

    assert ["1", "1"] == run(main())


@pytest.mark.parametrize("path", ["aba", "abab", "abca", "abcab"])
def test_a_pool_is_served_by_the_loops_far_above_a_call(run, path):
    """asyncio.run in each call, and every thread of the pool under a loop that waits, through others, for that very call."""
    pools = {name: Pool(name, 1) for name in "abc"}

    def below(rest):
        return asyncio.run(pools[rest[0]].run(below, rest[1:])) + rest[0] if rest else ""

    async def main():
        return await pools[path[0]].run(below, path[1:])

    assert path[:0:-1] == run(main())


def test_what_is_served_under_a_loop_may_run_its_own(run):
    """The thread below an inner loop serves as any other: the call meets no running loop, and may not wait for the one below."""

    async def main():
        pool = Pool("p", 1)

        async def inside():
            portal = Portal.current()
            with pytest.raises(WouldDeadlock):
                await pool.run(portal.wait, asyncio.sleep, 0)
            return await pool.run(lambda: asyncio.run(asyncio.sleep(0, "own")))

        return await pool.run(lambda: asyncio.run(inside()))

    assert "own" == run(main())


def test_a_wait_for_a_loop_further_below_in_the_same_thread_is_refused(run):
    """Of two loops inside one thread the lower cannot turn before the upper one has ended."""

    async def main():
        pool = Pool("p", 1)

        async def lower():
            portal = Portal.current()

            async def upper():
                portal.wait(asyncio.sleep, 0)

            with pytest.raises(WouldDeadlock):
                await pool.run(lambda: asyncio.run(upper()))
            return "refused"

        return await pool.run(lambda: asyncio.run(lower()))

    assert "refused" == run(main())


def test_a_wait_on_a_loop_that_is_blocked_for_the_same_pool_goes_on(run):
    """A loop that blocks for a queued call keeps the pool's thread that waits for that loop: that thread serves the call."""

    async def main():
        pool, entered = Pool("p", 1), threading.Event()
        with loop_thread(name="blocked") as one, loop_thread(name="other") as two:

            def hold():
                entered.wait(PARTIES)
                return one.wait(asyncio.sleep, 0, "through")

            async def block():
                async def queue():
                    asyncio.get_running_loop().call_soon(entered.set)
                    return await pool.run(str, 1)

                return two.wait(queue)

            holding = asyncio.create_task(pool.run(hold))
            blocking = asyncio.wrap_future(one.submit(block))
            return await asyncio.gather(holding, blocking)

    assert ["through", "1"] == run(main())


@pytest.mark.parametrize("seed", range(8))
def test_any_tree_of_calls_through_full_pools_ends(run, until, seed):
    """Calls, waits, gathers and held contexts nested at random over three narrow pools: every one has its result."""
    dice = random.Random(seed)

    def tree(depth):
        kind = dice.choice(("run", "run", "acontext", "gather")) if depth else "leaf"
        return kind, dice.randrange(3), [tree(depth - 1) for _ in range(0 if not depth else dice.randrange(1, 4))]

    def size(node):
        return 1 + sum(map(size, node[2]))

    async def main():
        pools = [Pool(f"p{n}", 1 + n // 2) for n in range(3)]

        def in_a_thread(node):
            return wait(all_of, node[2]) if node[2] else 1

        async def all_of(below):
            return 1 + sum(await asyncio.gather(*map(visit, below)))

        async def visit(node):
            kind, at, below = node
            if kind == "acontext":
                async with pools[at].acontext(held()):
                    return await all_of(below)
            if kind == "gather":
                return await all_of(below)
            return await pools[at].run(in_a_thread, node)

        trees = [tree(4) for _ in range(6)]
        found = await asyncio.gather(*map(visit, trees))
        await until(lambda: not any(pool.stats().busy or pool.stats().queued for pool in pools))
        return found, list(map(size, trees))

    found, sizes = run(main())
    assert sizes == found
