"""Laws of how a pool's threads are woken: however they sleep and whatever comes between, no call is left lying."""

import asyncio
import gc
import os
import random
import signal
import threading
import time
from types import SimpleNamespace

import pytest

from unjam.bridge import Pool, workqueue
from unjam.bridge.workqueue import WorkQueue

needs_bells = pytest.mark.skipif(not hasattr(os, "eventfd"), reason="eventfd is Linux's")


class Dice:
    """Traffic that looks different each time."""

    def __init__(self):
        self._dice = random.Random(3)

    @property
    def alone(self):
        return self._dice.random() < 0.5


@pytest.fixture(params=[True, False, None], ids=["alone", "crowded", "either"])
def traffic(request, monkeypatch):
    """What a thread that goes to sleep takes the traffic for."""
    monkeypatch.setattr(workqueue, "TRAFFIC", Dice() if request.param is None else SimpleNamespace(alone=request.param))


def taker(queue, taken):
    """A thread that takes until None comes."""

    def take():
        while (item := queue.get()) is not None:
            taken.append(item)

    thread = threading.Thread(target=take)
    thread.start()
    return thread


def arrives(condition):
    """Wait until it holds, without putting anything."""
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends, "something was left lying"
        time.sleep(0.0005)


def join(threads):
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread was not woken"


@pytest.mark.parametrize("takers", [1, 4])
def test_every_item_is_taken_though_nothing_follows_it(traffic, takers):
    """Each item is awaited before the next one is put: none waits for a later wake."""
    queue, taken = WorkQueue(), []
    threads = [taker(queue, taken) for _ in range(takers)]
    for number in range(200):
        queue.put(number)
        arrives(lambda number=number: len(taken) > number)
    for _ in threads:
        queue.put(None)
    join(threads)


def test_every_item_of_many_putters_is_taken(traffic):
    """Threads that put at once, in bursts, and several that take: everything arrives, and every end too."""
    queue, taken = WorkQueue(), []
    threads = [taker(queue, taken) for _ in range(3)]

    def put(base):
        for number in range(1500):
            queue.put(base + number)

    putters = [threading.Thread(target=put, args=(base,)) for base in (0, 10_000, 20_000)]
    for thread in putters:
        thread.start()
    join(putters)
    for _ in threads:
        queue.put(None)
    join(threads)
    assert sorted(taken) == sorted(base + number for base in (0, 10_000, 20_000) for number in range(1500))


@needs_bells
@pytest.mark.parametrize("moment", ["_take_bell", "_missed"])
def test_what_comes_while_a_thread_lies_down_is_seen(monkeypatch, moment):
    """A call and its wake that come just before the bell is shown, or just after the last look, wake the thread."""
    queue, taken, came = WorkQueue(), [], []
    original = getattr(WorkQueue, moment)

    def comes_between(self):
        result = original(self)
        if not came:
            came.append(True)
            putter = threading.Thread(target=queue.put, args=("late",))
            putter.start()
            putter.join(60)
        return result

    monkeypatch.setattr(workqueue, "TRAFFIC", SimpleNamespace(alone=True))
    monkeypatch.setattr(WorkQueue, moment, comes_between)
    thread = taker(queue, taken)
    arrives(lambda: taken)
    queue.put(None)
    join([thread])
    assert taken == ["late"]


@needs_bells
def test_a_wake_in_two_steps_reaches_who_lay_down_in_between(monkeypatch):
    """Who finds no bell leaves a wake in the queue, and looks again: the bell may have been shown meanwhile."""
    monkeypatch.setattr(workqueue, "TRAFFIC", SimpleNamespace(alone=True))
    queue, taken = WorkQueue(), []
    looks, threads = [], []
    original = WorkQueue._ring

    def ring(self):
        rung = original(self)
        looks.append(rung)
        if looks == [False]:
            # The first item is taken by a thread that came by itself; it sleeps on its bell before the wake is left.
            threads.append(taker(queue, taken))
            arrives(lambda: queue._shown)
        return rung

    monkeypatch.setattr(WorkQueue, "_ring", ring)
    queue.put("first")
    assert looks == [False, True]
    queue.put("second")
    queue.put(None)
    join(threads)
    assert taken == ["first", "second"]


@needs_bells
def test_a_ring_for_nothing_wakes_nobody_for_good(monkeypatch):
    """A forked child may ring its parent's bell: the thread looks, finds nothing, and sleeps on, its bell shown once."""
    monkeypatch.setattr(workqueue, "TRAFFIC", SimpleNamespace(alone=True))
    queue, taken = WorkQueue(), []
    thread = taker(queue, taken)
    arrives(lambda: queue._shown)
    (bell,) = queue._shown
    for number in range(20):
        arrives(lambda: queue._shown)
        os.eventfd_write(bell, 1)
        queue.put(number)
    queue.put(None)
    join([thread])
    assert taken == list(range(20))
    assert len(queue._shown) + len(queue._spare) == 1


@needs_bells
def test_the_thread_of_one_caller_sleeps_on_its_bell(run, until):
    """A wake that gives the GIL away first is what a lone hop is made of."""

    async def main():
        pool = Pool("p", 1)
        for _ in range(3):
            await pool.run(int)
        await until(lambda: pool._bulkhead.queue._shown)

    run(main())


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals for one thread are POSIX's")
def test_a_signal_leaves_an_idle_thread_asleep(run):
    """The kernel may choose any thread for a signal: one that sleeps between two calls serves the next all the same."""
    heard = []

    async def main():
        pool = Pool("p", 1)
        ident = await pool.run(threading.get_ident)
        for number in range(20):
            signal.pthread_kill(ident, signal.SIGUSR1)
            while len(heard) <= number:
                await asyncio.sleep(0)
            assert await pool.run(threading.get_ident) == ident

    before = signal.signal(signal.SIGUSR1, lambda *_: heard.append(1))
    try:
        run(main())
    finally:
        signal.signal(signal.SIGUSR1, before)


@needs_bells
def test_a_pool_without_descriptors_works(run, monkeypatch):
    """A process that is out of them has its threads woken by the queue."""

    def none_left(*_):
        raise OSError(24, "Too many open files")

    async def main():
        await Pool("q", 1).run(int)  # the loop's own is open by now
        monkeypatch.setattr(os, "eventfd", none_left)
        pool = Pool("p", 1)
        results = [await pool.run(pow, n, 2) for n in range(20)]
        return results, len(pool._bulkhead.queue._spare)

    assert run(main()) == ([n * n for n in range(20)], 0)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open descriptors are counted in /proc")
def test_pools_that_come_and_go_leave_no_descriptors(run, until):
    """What wakes the threads of a pool is closed when the last of them has ended, however many pools a program has."""

    def descriptors():
        return len(os.listdir("/proc/self/fd"))

    async def use():
        pool = Pool("come-and-go", 2)
        for _ in range(3):
            await pool.run(int)

    def ended():
        gc.collect()  # each time: a thread may keep its pool a moment longer than its last call
        return not [t for t in threading.enumerate() if t.name.startswith("come-and-go")]

    async def main():
        await use()
        await until(ended)
        before = descriptors()
        for _ in range(30):
            await use()
        await until(ended)
        return before, descriptors()

    before, after = run(main())
    assert after <= before
