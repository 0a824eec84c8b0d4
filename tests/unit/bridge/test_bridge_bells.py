"""Laws of the descriptors on which waiting threads sleep: bounded, shared by nobody, and never the reason to miss anything."""

import asyncio
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor as ThreadPool

import pytest

from unjam.bridge import Pool, bells, loop_thread, wait
from unjam.bridge.bells import BELLS
from unjam.bridge.lineage import Frame
from unjam.bridge.ports import current_port

pytestmark = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="eventfd is Linux's")


async def identity(value):
    return value


@pytest.fixture(autouse=True)
def anew():
    """No bells yet, and those of before afterwards."""
    free, made = BELLS.free, BELLS._made
    BELLS.__init__()
    yield
    BELLS.free, BELLS._made = free, made


def test_a_bell_is_used_again(run):
    """One thread needs one, however often it waits."""

    async def main():
        return await Pool("p", 1).run(lambda: [wait(identity, n) for n in range(100)])

    assert list(range(100)) == run(main())
    assert 1 == len(BELLS.free)


def test_threads_beyond_the_limit_sleep_without(run, monkeypatch):
    """No more descriptors than that, and every wait ends."""
    monkeypatch.setattr(bells, "LIMIT", 2)
    inside = threading.Barrier(6)

    async def main():
        async def meet(n):
            await asyncio.to_thread(inside.wait, 60)
            return n

        asyncio.get_running_loop().set_default_executor(ThreadPool(6))
        pool = Pool("p", 6)
        return await asyncio.gather(*[pool.run(wait, meet, n) for n in range(6)])

    assert list(range(6)) == run(main())
    assert 2 == len(BELLS.free)


def test_a_wait_without_descriptors_ends(run, monkeypatch):
    """A process that is out of them waits as well."""

    def none_left(*_):
        raise OSError(24, "Too many open files")

    async def main():
        pool = Pool("p", 1)
        await pool.run(int)
        monkeypatch.setattr(os, "eventfd", none_left)
        return await pool.run(wait, identity, 1)

    assert 1 == run(main())
    assert not BELLS.free


def test_a_late_ring_wakes_the_next_one_for_nothing(run):
    """Whoever gets a bell that was rung for the one before goes on waiting for what it waits for."""
    bell = BELLS.take()
    os.eventfd_write(bell, 3)
    BELLS.free.append(bell)

    async def main():
        async def inner(pool):
            return await pool.run(int, 1), await asyncio.sleep(0, 2)

        pool = Pool("p", 1)
        return await pool.run(wait, inner, pool)

    assert (1, 2) == run(main())
    assert [bell] == list(BELLS.free)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_forked_child_has_bells_of_its_own():
    """It would take the rings of its parent's threads otherwise."""
    BELLS.free.append(BELLS.take())
    child = os.fork()
    if not child:
        os._exit(0 if not BELLS.free else 1)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert 1 == len(BELLS.free)


def test_a_signal_reaches_who_waits():
    """The main thread handles signals while it waits; a handler that raises ends the wait, one that returns does not."""

    class Alarm(Exception):
        pass

    heard, main = [], threading.main_thread().ident

    def handle(*_):
        heard.append(1)
        if len(heard) == 2:
            raise Alarm

    async def ring():
        for times in (1, 2):
            while len(heard) < times:
                signal.pthread_kill(main, signal.SIGALRM)
                await asyncio.sleep(0.001)
        await asyncio.sleep(3600)

    before = signal.signal(signal.SIGALRM, handle)
    try:
        with loop_thread() as portal:
            with pytest.raises(Alarm):
                portal.wait(ring)
            assert portal.wait(identity, 1) == 1
    finally:
        signal.signal(signal.SIGALRM, before)


def test_who_keeps_a_loop_from_turning_has_none():
    """Whoever looks at a blocked loop sees the wait for a lock that it is, and nothing that looks like a file."""

    async def main():
        return Frame(None, blocked=current_port()).bell, Frame(None).bell is not None

    assert (None, True) == asyncio.run(main())
