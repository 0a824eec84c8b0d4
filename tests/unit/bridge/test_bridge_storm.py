import asyncio
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from unjam.bridge import Channel, Pool, wait
from unjam.errors import QueueTimeout


class Count:
    """How often calls began and ended, and how many ran at once."""

    def __init__(self):
        self._lock = threading.Lock()
        self.began = self.ended = self.running = self.peak = 0

    def __call__(self, number, seconds):
        with self._lock:
            self.began += 1
            self.running += 1
            self.peak = max(self.peak, self.running)
        threading.Event().wait(seconds)
        with self._lock:
            self.ended += 1
            self.running -= 1
        return number


@pytest.mark.timeout(100)
def test_ten_thousand_calls_under_random_cancels(run, until):
    """No result is lost or mixed up, no slot and no thread leaks, whatever is cancelled when."""
    dice, count = random.Random(7), Count()

    async def one(pool, number):
        options = dice.choice([{}, {}, {"timeout": 0.001}, {"queue_timeout": 0.01}, {"on_cancel": "wait"}])
        try:
            result = await pool.options(**options).run(count, number, dice.choice([0, 0, 0, 0, 0.0005]))
        except (TimeoutError, QueueTimeout):
            return "late"
        assert result == number
        return "done"

    async def main():
        pool = Pool("storm", 6)
        outcomes = []
        for batch in range(0, 10_000, 500):
            tasks = [asyncio.create_task(one(pool, batch + n)) for n in range(500)]
            victims = dice.sample(tasks, 150)
            while victims:
                await asyncio.sleep(0)
                for _ in range(dice.randrange(30)):
                    if victims:
                        victims.pop().cancel()
            outcomes += await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: not pool._bulkhead.live)
        names = [thread.name for thread in threading.enumerate() if thread.name.startswith("storm-")]
        stats = pool.stats()
        assert await pool.aclose(60) == []
        await until(lambda: not [t for t in threading.enumerate() if t.name.startswith("storm-")])
        return outcomes, len(names), stats

    outcomes, threads, stats = run(main())
    kinds = {
        kind: sum(1 for o in outcomes if (o if isinstance(o, str) else type(o)) == kind)
        for kind in ("done", "late", asyncio.CancelledError)
    }
    assert sum(kinds.values()) == 10_000
    assert count.began == count.ended == stats.run.count >= kinds["done"] > 1000
    assert count.began + stats.withdrawn == 10_000
    assert count.peak <= 6 >= threads
    assert (stats.busy, stats.queued) == (0, 0)


def test_nested_calls_under_random_cancels(run, until):
    """Through a full pool, sync -> async -> sync, with callers cancelled at random: it ends, and the pool is whole."""
    dice = random.Random(11)

    async def main():
        pool = Pool("nest", 2)

        def down(n):
            async def again():
                await asyncio.sleep(0)
                return await pool.run(down, n - 1)

            return wait(again) + 1 if n else 0

        tasks = [asyncio.create_task(pool.run(down, dice.randrange(4))) for _ in range(200)]
        for task in dice.sample(tasks, 60):
            await asyncio.sleep(0)
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: not pool._bulkhead.live)
        assert await pool.run(down, 3) == 3
        return [o for o in outcomes if not isinstance(o, (int, asyncio.CancelledError))]

    assert run(main()) == []


def test_several_loops_storm_one_pool_and_one_channel():
    """Four loops in four threads share a pool and a channel under cancels: what was put and taken agrees."""
    pool, channel = Pool("shared", 3), Channel(8)
    put, taken = [], []

    async def visit(seed):
        dice = random.Random(seed)

        def work(n):
            channel.put((seed, n), timeout=60)
            put.append((seed, n))

        async def take():
            taken.extend([item async for item in channel])

        taker = asyncio.create_task(take())
        tasks = [asyncio.create_task(pool.run(work, n)) for n in range(300)]
        for task in dice.sample(tasks, 60):
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait(tasks)
        while pool._bulkhead.live:
            await asyncio.sleep(0.001)
        barrier.wait(60)
        channel.close()
        await taker

    barrier = threading.Barrier(4)
    with ThreadPoolExecutor(4) as threads:
        for future in [threads.submit(asyncio.run, visit(seed)) for seed in range(4)]:
            future.result(60)
    assert sorted(taken) == sorted(put)
    assert len(put) >= 4 * 240
