"""Laws of the calls that the body of an `acontext` makes to the same pool: they run on the held thread, one at a time."""

import asyncio
import threading
from contextlib import contextmanager

import pytest

from unjam.bridge import Pool, wait
from unjam.bridge.standstill import NESTED
from unjam.errors import QueueTimeout

PARTIES = 60.0


@contextmanager
def bound():
    """A session that notes the threads in which it is used, and how many use it at once."""
    yield Session()


class Session:
    def __init__(self):
        self.threads = {threading.get_ident()}
        self.users = self.most = 0

    def use(self, n=0):
        self.threads.add(threading.get_ident())
        self.users += 1
        self.most = max(self.most, self.users)
        self.users -= 1
        return n

    def use_until(self, go, began):
        self.users += 1
        began.set()
        assert go.wait(PARTIES)
        self.users -= 1
        return self.use()


def test_all_that_a_body_starts_runs_on_the_held_thread(run):
    """Many at once as well, though the pool has threads to spare."""

    async def main():
        pool = Pool("p", 4)
        async with pool.acontext(bound()) as session:
            results = await asyncio.gather(*[pool.run(session.use, n) for n in range(20)])
        return results, len(session.threads), session.most, pool.stats().queued

    assert run(main()) == (list(range(20)), 1, 1, 0)
    assert NESTED == set()


def test_a_call_of_a_body_waits_for_one_that_was_abandoned(run, until):
    """What still uses the session has its thread; the next call may tire of waiting, and never runs then."""
    go, began = threading.Event(), threading.Event()

    async def main():
        pool = Pool("p", 4)
        async with pool.acontext(bound()) as session:
            with pytest.raises(TimeoutError):
                await pool.options(timeout=0.01).run(session.use_until, go, began)
            following = asyncio.create_task(pool.run(session.use, 7))
            with pytest.raises(QueueTimeout):
                await pool.options(queue_timeout=0.01).run(session.use)
            early = following.done()
            go.set()
            result = await following
        return early, result, len(session.threads), session.most

    assert run(main()) == (False, 7, 1, 1)
    assert NESTED == set()


def test_what_a_call_of_a_body_waits_for_runs_on_its_thread(run):
    """sync -> async -> sync inside a body: the waiting thread itself serves it, across another pool too."""

    async def main():
        pool, other = Pool("p", 4), Pool("other", 1)
        async with pool.acontext(bound()) as session:

            async def back(n):
                return await pool.run(session.use, n)

            return (
                await asyncio.gather(*[pool.run(wait, back, n) for n in range(5)]),
                await other.run(wait, back, 5),
                len(session.threads),
            )

    assert run(main()) == ([0, 1, 2, 3, 4], 5, 1)


def test_a_context_in_a_context_is_on_the_same_thread(run, until):
    """Also one that another task of the body opens; while nothing runs in it, the outer body's calls do."""

    async def main():
        pool, opened, end = Pool("p", 4), asyncio.Event(), asyncio.Event()
        async with pool.acontext(bound()) as session:

            async def opens():
                async with pool.acontext(bound()) as inner:
                    await pool.run(inner.use)
                    await pool.run(session.use)
                    opened.set()
                    await end.wait()
                return inner.threads

            inside = asyncio.create_task(opens())
            await opened.wait()
            result = await pool.run(session.use, 3)
            end.set()
            return result, await inside == session.threads

    assert run(main()) == (3, True)


def test_what_waits_crosswise_for_a_held_thread_is_served(run, until):
    """The held thread waits for a pool of which the only thread waits for the held one, while its own pool has threads to spare."""
    meeting = threading.Barrier(2)

    async def main():
        pool, other = Pool("p", 4), Pool("other", 1)

        async def across(target, fn):
            return await target.run(fn)

        def meets(target, fn):
            meeting.wait(PARTIES)
            return wait(across, target, fn)

        async with pool.acontext(bound()) as session:
            await asyncio.gather(pool.run(meets, other, int), other.run(meets, pool, session.use))
        return len(session.threads)

    assert run(main()) == 1
    assert NESTED == set()


def test_a_task_that_outlives_its_body_is_served(run, until):
    """What it asks for while the thread is still busy runs there or elsewhere, and so does what it asks for later."""
    go, began = threading.Event(), threading.Event()

    async def main():
        pool = Pool("p", 2)

        async def body():
            async with pool.acontext(bound()) as session:
                using = asyncio.create_task(pool.run(session.use_until, go, began))
                await until(began.is_set)
                return session, using, asyncio.create_task(later())

        leaves = asyncio.Event()

        async def later():
            await leaves.wait()
            first = asyncio.create_task(pool.run(pow, 2, 2))
            await asyncio.sleep(0)
            go.set()
            return await first, await pool.run(pow, 3, 2)

        leaving = asyncio.create_task(body())
        await until(lambda: began.is_set() and pool.stats().queued)  # its exit, behind what still runs
        leaves.set()
        _, using, task = await leaving
        await using
        return await task, pool.stats().busy

    assert run(main()) == ((4, 9), 0)
    assert NESTED == set()


def test_a_pinned_object_made_in_a_body_outlives_it(run):
    """It gets a thread of its own: the exit of the body does not wait for its end."""

    async def main():
        pool = Pool("p", 2)
        async with pool.acontext(bound()) as session:
            pinned = pool.pinned(threading.get_ident)
            thread = await pinned.run(int)
        again = await pinned.run(int)
        await pinned.aclose()
        return thread == again, thread in session.threads

    assert run(main()) == (True, False)
