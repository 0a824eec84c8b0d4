"""Queues between threads and a loop: P producer threads, one async consumer; and a ping-pong."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Awaitable, Callable

from rounds import Candidate, compare

from unjam.bridge import Channel, Pool

ROOM = 10_000

Ends = tuple[Callable[[int], object], Callable[[], Awaitable[object]]]
"""put for threads, get for tasks."""


def ours() -> Ends:
    channel: Channel[int] = Channel(ROOM)
    return channel.put, channel.aget


def of_aiologic() -> Ends:
    import aiologic

    items = aiologic.SimpleQueue()
    return items.green_put, items.async_get


def of_culsans() -> Ends:
    import culsans

    items = culsans.Queue(ROOM)
    return items.sync_q.put, items.async_q.get


def of_janus() -> Ends:
    import janus

    items = janus.Queue(ROOM)
    return items.sync_q.put, items.async_q.get


def of_asyncio() -> Ends:
    items: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    return lambda item: loop.call_soon_threadsafe(items.put_nowait, item), items.get


def one_way(pool: Pool, producers: int, make: Callable[[], Ends]) -> Candidate:
    async def run(operations: int) -> None:
        put, get = make()
        share = operations // producers

        def produce() -> None:
            for n in range(share):
                put(n)

        running = [asyncio.ensure_future(pool.run(produce)) for _ in range(producers)]
        for _ in range(share * producers):
            await get()
        await asyncio.gather(*running)

    return run


def iterated(pool: Pool, producers: int) -> Candidate:
    async def run(operations: int) -> None:
        channel: Channel[int] = Channel(ROOM)
        share = operations // producers

        def produce() -> None:
            for n in range(share):
                channel.put(n)

        async def close_at_the_end() -> None:
            await asyncio.gather(*[pool.run(produce) for _ in range(producers)])
            channel.close()

        ending = asyncio.ensure_future(close_at_the_end())
        async for _ in channel:
            pass
        await ending

    return run


def ping_pong(pool: Pool, make: Callable[[], Ends]) -> Candidate:
    async def run(operations: int) -> None:
        put, get = make()
        balls: queue.SimpleQueue[object] = queue.SimpleQueue()

        def player() -> None:
            while balls.get() is not None:
                put(1)

        playing = asyncio.ensure_future(pool.run(player))
        for _ in range(operations):
            balls.put(1)
            await get()
        balls.put(None)
        await playing

    return run


async def measure(rounds: int, scale: float) -> None:
    pool = Pool("bench", 100)
    makers = {
        "unjam Channel.aget": ours,
        "aiologic SimpleQueue": of_aiologic,
        "culsans": of_culsans,
        "janus": of_janus,
        "asyncio.Queue, call_soon": of_asyncio,
    }
    for producers, operations, target in ((1, 60_000, "3x aiologic"), (10, 60_000, ""), (100, 40_000, "")):
        candidates = {name: one_way(pool, producers, make) for name, make in makers.items()}
        candidates["unjam async for"] = iterated(pool, producers)
        await compare(f"{producers} producer thread(s) -> async", candidates, int(operations * scale), rounds, target)
    candidates = {name: ping_pong(pool, make) for name, make in makers.items()}
    await compare("ping-pong, thread and task", candidates, int(1500 * scale), rounds)
