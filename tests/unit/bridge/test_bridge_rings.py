"""Laws of trees of calls with loops inside them: all of them end, by a result or by WouldDeadlock, and threads are known in time."""

import asyncio
import contextlib
import subprocess
import sys
import threading
import time
from concurrent.futures import Future

import pytest

from unjam.bridge import Pool, Portal, bulkhead
from unjam.bridge.lanes import Lane
from unjam.bridge.lineage import Frame, may_take
from unjam.errors import WouldDeadlock

LIMIT = 60.0

TREES = """
import asyncio, os, random, sys
from contextlib import contextmanager

from unjam.bridge import Pool, wait
from unjam.errors import WouldDeadlock

seed, kinds = int(sys.argv[1]), sys.argv[2].split(",")
dice = random.Random(seed)
refused = []

@contextmanager
def held():
    yield

def tree(depth):
    kind = dice.choice(kinds) if depth else "leaf"
    return kind, dice.randrange(3), [tree(depth - 1) for _ in range(0 if not depth else dice.randrange(1, 4))]

def size(node):
    return 1 + sum(map(size, node[2]))

async def main():
    pools = [Pool(f"p{n}", 1 + n // 2) for n in range(3)]

    def in_wait(node):
        return wait(all_of, node[2]) if node[2] else 1

    def in_run(node):
        return asyncio.run(all_of(node[2])) if node[2] else 1

    async def all_of(below):
        return 1 + sum(await asyncio.gather(*map(visit, below)))

    async def visit(node):
        kind, at, below = node
        try:
            if kind == "acontext":
                async with pools[at].acontext(held()):
                    return await all_of(below)
            if kind == "gather":
                return await all_of(below)
            return await pools[at].run(in_run if kind == "loop" else in_wait, node)
        except WouldDeadlock:
            refused.append(node)
            return size(node)

    trees = [tree(3) for _ in range(3)]
    found = await asyncio.gather(*map(visit, trees))
    assert found == list(map(size, trees)), found

asyncio.run(main())
print("ended", len(refused), flush=True)
os._exit(0)
"""


def ending(seed, kinds):
    """What a process prints in which three random trees, three calls deep, run at once."""
    command = [sys.executable, "-c", TREES, str(seed), kinds]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=True).stdout


@pytest.mark.parametrize("seed", [8, 31, 41])
def test_any_tree_of_waits_and_loops_ends(seed):
    """Calls that wait, calls that run loops: where they stand in a ring, one wait of it is refused, and the rest goes on."""
    assert ending(seed, "wait,loop").startswith("ended")


@pytest.mark.parametrize("seed", [2, 41, 183])
def test_any_tree_with_held_contexts_ends(seed):
    """The same with contexts held by loops inside calls, which may not be held on top of these loops."""
    assert ending(seed, "wait,loop,acontext,gather").startswith("ended")


def test_a_context_in_the_only_thread_of_its_pool_is_refused_to_the_loop_there(run):
    """The body would run on a loop that cannot turn while its thread is held; a second thread is enough."""

    async def inside(pool):
        async with pool.acontext(contextlib.nullcontext(1)) as value:
            return value

    async def main():
        one, two = Pool("one", 1), Pool("two", 2)
        with pytest.raises(WouldDeadlock, match="'one' has one thread"):
            await one.run(lambda: asyncio.run(inside(one)))
        return await two.run(lambda: asyncio.run(inside(two))), await one.run(str, 1)

    assert (1, "1") == run(main())


async def told(condition):
    """Let this loop turn until something that another thread does has come about."""
    ends = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < ends, "the condition never came true"
        await asyncio.sleep(0.001)


def crossing(on_a, on_b):
    """Run `on_a(a, b)` on a loop in the only thread of pool a, and `on_b(a, b)` likewise in b, each in a full pool."""
    a, b, meeting = Pool("a", 1), Pool("b", 1), threading.Barrier(2)

    async def met(afn):
        meeting.wait(LIMIT)
        return await afn(a, b)

    async def main():
        return await asyncio.gather(a.run(lambda: asyncio.run(met(on_a))), b.run(lambda: asyncio.run(met(on_b))))

    return main


def test_a_ring_through_a_held_thread_is_refused(run):
    """A thread on top of one loop is held for a body on another, below a call that waits for the first: that wait is refused."""
    portals = []

    async def on_a(a, b):
        portals.append(Portal.current())
        await told(lambda: a.stats().queued)
        return await b.run(str, 1)

    async def on_b(a, b):
        async with a.acontext(contextlib.nullcontext()):
            with pytest.raises(WouldDeadlock, match="waits for this one"):
                await b.run(portals[0].wait, asyncio.sleep, 0)
        return "left"

    assert ["1", "left"] == run(crossing(on_a, on_b)())


def test_no_two_threads_are_held_on_top_of_each_others_loops(run):
    """A loop that has to stand still while a thread is held on top of it gets none to hold meanwhile: it could not let go."""
    portals, c = [], Pool("c", 1)

    async def on_a(a, b):
        portals.append(Portal.current())
        gate = asyncio.Event()
        asyncio.get_running_loop().call_soon(portals.append, gate)
        await told(lambda: a.stats().queued and c.stats().busy)
        async with b.acontext(contextlib.nullcontext()):
            gate.set()
        return "a"

    async def on_b(a, b):
        await told(lambda: len(portals) == 2)
        waiting = asyncio.create_task(c.run(portals[0].wait, portals[1].wait))
        await told(lambda: c.stats().busy)
        async with a.acontext(contextlib.nullcontext()):
            served = await c.run(str, 1)
        waiting.cancel()
        return served

    assert ["a", "1"] == run(crossing(on_a, on_b)())


def test_a_thread_that_waits_for_the_lowest_of_many_loops_serves(run):
    """Of three loops inside one thread none but the uppermost turns: who waits for the lowest runs what that one needs."""
    a, c = Pool("a", 1), Pool("c", 1)

    async def third():
        return await c.run(str, 1)

    async def second():
        return await a.run(lambda: asyncio.run(third()))

    async def first(opened):
        gate = asyncio.Event()
        opened.set_result((Portal.current(), gate))
        await told(lambda: c.stats().busy)
        served = await a.run(lambda: asyncio.run(second()))
        gate.set()
        return served

    async def main():
        opened = Future()
        running = asyncio.create_task(a.run(lambda: asyncio.run(first(opened))))
        portal, gate = await asyncio.wrap_future(opened)
        return await asyncio.gather(running, c.run(portal.wait, gate.wait))

    assert ["1", True] == run(main())


def test_a_loop_that_was_blocked_may_hold_afterwards(run):
    """What a loop wants to hold while a wait blocks it is looked at again when that wait has ended."""
    ready = threading.Event()

    async def main():
        home = Portal.current()

        async def on_a(a, b):
            await told(ready.is_set)
            return await b.run(str, 1)

        async def on_b(a, b):
            async def hold():
                async with a.acontext(contextlib.nullcontext(2)) as value:
                    return value

            async def stand():
                ready.set()
                await told(lambda: b.stats().queued)

            holding = asyncio.create_task(hold())
            await told(lambda: a.stats().queued)
            home.wait(stand)
            return await holding

        return await crossing(on_a, on_b)()

    assert ["1", 2] == run(main())


def test_a_busy_thread_forgets_what_it_may_not_hold(run):
    """An offer that a thread comes to when the loop behind it stands still counts as never made."""

    async def main():
        pool, frame = Pool("p", 1), Frame(None)
        hold = Lane(pool._bulkhead, str, pool)._hold
        hold.offers = {frame}
        turns = may_take(hold, frame), hold.offers == {frame}
        hold.port.lent = True
        return turns, (may_take(hold, frame), hold.offers)

    assert ((True, True), (False, set())) == run(main())


def test_a_thread_is_known_to_its_pool_before_it_runs(run, monkeypatch):
    """Who looks for threads that wait finds one from its first step, or a ring that it closes stays unseen."""
    known = []

    class Noting(threading.Thread):
        def start(self):
            known.append([worker.name for worker in pool._bulkhead.workers])
            super().start()

    monkeypatch.setattr(bulkhead, "Thread", Noting)
    pool = Pool("p", 1)

    async def main():
        return await pool.run(str, 1)

    assert "1" == run(main())
    assert [["p-0"]] == known
