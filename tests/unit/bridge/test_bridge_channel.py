import asyncio
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from unjam.bridge import Channel
from unjam.errors import ChannelClosed, UsageError, WouldDeadlock


def threads(*functions):
    started = [threading.Thread(target=function) for function in functions]
    for thread in started:
        thread.start()
    return started


def join(started):
    for thread in started:
        thread.join(60)
        assert not thread.is_alive(), "a thread of the test hangs"


def test_a_taker_on_a_loop_that_rests_leaves_the_item_to_others():
    """A thread behind it gets the item; the taker gets the next one when its loop runs again."""
    channel, loop, got = Channel(2), asyncio.new_event_loop(), []

    async def takes():
        task = asyncio.ensure_future(channel.aget())
        await asyncio.sleep(0)
        return task

    task = loop.run_until_complete(takes())
    [thread] = threads(lambda: got.append(channel.get(timeout=60)))
    while len(channel._getters) < 2:
        time.sleep(0.0005)
    channel.put("first")
    join([thread])
    channel.put("second")
    assert loop.run_until_complete(asyncio.wait_for(task, 60)) == "second"
    loop.close()
    assert got == ["first"]


def test_items_come_out_in_the_order_of_their_puts(run):
    """One producer, one consumer, any ends: first in, first out, nothing lost."""

    async def main():
        channel = Channel(7)
        producers = threads(lambda: [channel.put(n) for n in range(5000)] and None)
        items = [await channel.aget() for _ in range(5000)]
        join(producers)
        return items

    assert run(main()) == list(range(5000))


def test_it_never_holds_more_than_its_capacity(run, until):
    """The bound holds between any number of producers."""
    channel, peak = Channel(3), []

    async def main():
        producers = threads(*[lambda: [channel.put(n) for n in range(300)] and None] * 4)
        await until(lambda: len(channel) == 3)
        for _ in range(1200):
            peak.append(len(channel))
            await channel.aget()
        join(producers)

    run(main())
    assert max(peak) == 3


def test_every_item_is_taken_once_between_many_threads_tasks_and_loops():
    """Producers and consumers that are threads, tasks and loops, all at once: each item arrives exactly once."""
    channel, per_producer = Channel(5), 400
    got: list[int] = []

    async def produce(base):
        for n in range(per_producer):
            await channel.aput(base + n)

    async def consume():
        return [item async for item in channel]

    async def consumers():
        results = await asyncio.gather(consume(), consume())
        return [item for result in results for item in result]

    with ThreadPoolExecutor(8) as pool:
        takers = [pool.submit(lambda: list(channel)) for _ in range(2)]
        takers += [pool.submit(asyncio.run, consumers()) for _ in range(2)]
        makers = [
            pool.submit(lambda base: [channel.put(base + n) for n in range(per_producer)], b) for b in (0, 10_000)
        ]
        makers += [pool.submit(asyncio.run, produce(base)) for base in (20_000, 30_000)]
        for maker in makers:
            maker.result(60)
        channel.close()
        for taker in takers:
            got += taker.result(60)
    expected = Counter(base + n for base in (0, 10_000, 20_000, 30_000) for n in range(per_producer))
    assert Counter(got) == expected


def test_a_closed_channel_gives_what_it_has_and_then_ends(run):
    """close refuses further puts; takers get the rest, then ChannelClosed; iterations end."""

    async def main():
        channel = Channel(4)
        for n in range(3):
            await channel.aput(n)
        channel.close()
        with pytest.raises(ChannelClosed):
            await channel.aput(9)
        first = channel.get()
        rest = [item async for item in channel]
        with pytest.raises(ChannelClosed):
            await channel.aget()
        return first, rest, list(channel), len(channel), channel.closed

    assert run(main()) == (0, [1, 2], [], 0, True)


def test_close_wakes_all_who_wait(run, until):
    """Waiting putters and getters, threads and tasks, get ChannelClosed."""

    async def main():
        full, empty = Channel(1), Channel(1)
        full.put(0)
        seen = []

        def attempt(function, *args):
            try:
                function(*args)
            except ChannelClosed:
                seen.append("thread")

        started = threads(lambda: attempt(full.put, 1), lambda: attempt(empty.get))
        tasks = [asyncio.create_task(full.aput(2)), asyncio.create_task(empty.aget())]
        await until(lambda: len(full._putters) == len(empty._getters) == 2)
        full.close()
        empty.close()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        join(started)
        return seen, [type(outcome) for outcome in outcomes], full.get()

    assert run(main()) == (["thread"] * 2, [ChannelClosed] * 2, 0)


def test_a_context_manager_closes_it():
    """Leaving the with closes the channel."""
    with Channel(2) as channel:
        channel.put(1)
    assert list(channel) == [1]


def test_a_timeout_ends_the_wait_and_takes_nothing():
    """A put or get that gives up changes nothing."""
    channel = Channel(1)
    with pytest.raises(TimeoutError, match=r"empty for 0\.01 s"):
        channel.get(timeout=0.01)
    channel.put("one")
    with pytest.raises(TimeoutError, match=r"full for 0\.01 s"):
        channel.put("two", timeout=0.01)
    assert (channel.get(), len(channel), len(channel._getters), len(channel._putters)) == ("one", 0, 0, 0)


def test_blocking_a_loop_is_refused(run):
    """A put or get that would have to wait on a loop's thread is a WouldDeadlock; one that need not is fine."""

    async def main():
        channel = Channel(1)
        with pytest.raises(WouldDeadlock, match="aget"):
            channel.get()
        channel.put(1)
        with pytest.raises(WouldDeadlock, match="aput"):
            channel.put(2)
        return channel.get()

    assert run(main()) == 1


def test_a_cancelled_taker_takes_nothing(run):
    """Cancelled after any number of turns, an aget either has its item or left it to the next."""

    async def main():
        for turns in range(6):
            channel = Channel(4)
            taker = asyncio.create_task(channel.aget())
            await asyncio.sleep(0)
            channel.put("item")
            for _ in range(turns):
                await asyncio.sleep(0)
            taker.cancel()
            try:
                got = [await taker]
            except asyncio.CancelledError:
                got = []
            assert got + [channel.get() for _ in range(len(channel))] == ["item"]

    run(main())


def test_a_woken_taker_that_is_cancelled_wakes_the_next(run):
    """A wake is never lost with the one who was woken."""

    async def main():
        channel = Channel(4)
        first, second = asyncio.create_task(channel.aget()), asyncio.create_task(channel.aget())
        await asyncio.sleep(0)
        channel.put("item")
        first.cancel()
        return await asyncio.wait_for(second, 60)

    assert run(main()) == "item"


def test_a_waiter_of_a_closed_loop_is_passed_over(until):
    """A task that waited when its loop was closed swallows no wake."""
    channel = Channel(2)
    loop = asyncio.new_event_loop()
    task = loop.create_task(channel.aget())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    taken = []
    takers = threads(lambda: taken.append(channel.get(timeout=60)))
    while len(channel._getters) < 2:
        threading.Event().wait(0.001)
    channel.put("item")
    join(takers)
    assert not task.done()
    assert taken == ["item"]


def test_a_busy_channel_lets_the_loop_turn(run):
    """Iterating over a channel that is never empty does not keep the loop from its other work."""

    async def main():
        channel, turns = Channel(10_000), []
        for n in range(10_000):
            channel.put(n)
        channel.close()

        async def other():
            while not len(turns) > 10:
                turns.append(len(channel))
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        async for _ in channel:
            pass
        done = task.done()
        await task
        return done, turns[-1] > 0

    assert run(main()) == (True, True)


def test_a_signal_handler_may_use_it():
    """No lock is held: a handler that puts while the main thread puts does not hang."""
    channel, seen = Channel(100_000), []

    def handler(signum, frame):
        channel.put("signal")
        seen.append(signum)

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        sender = threading.Thread(target=lambda: [signal.raise_signal(signal.SIGUSR1) for _ in range(200)])
        sender.start()
        n = 0
        while sender.is_alive() or n < 1000:
            channel.put(n)
            n += 1
            channel.get()
        sender.join(60)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen


@pytest.mark.parametrize("capacity", [0, -1])
def test_a_channel_has_room(capacity):
    """A capacity below one is refused."""
    with pytest.raises(UsageError):
        Channel(capacity)
