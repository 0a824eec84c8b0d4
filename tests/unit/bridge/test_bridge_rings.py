"""Laws of trees of calls with loops inside them: all of them end, by a result or by WouldDeadlock, and threads are known in time."""

import asyncio
import contextlib
import subprocess
import sys
import threading

import pytest

from unjam.bridge import Pool, bulkhead
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


@pytest.mark.parametrize("seed", [2, 7])
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
