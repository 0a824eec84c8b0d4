"""async -> thread: a function that does nothing, C callers at once, 8 threads each."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from rounds import Candidate, compare

from unjam.bridge import Pool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def nothing() -> None:
    pass


def callers(count: int, call: Callable[[], Awaitable[object]]) -> Candidate:
    async def one(calls: int) -> None:
        for _ in range(calls):
            await call()

    async def run(operations: int) -> None:
        await asyncio.gather(*[one(operations // count) for _ in range(count)])

    return run


async def measure(rounds: int, scale: float) -> None:
    import anyio.to_thread
    from anyio import CapacityLimiter
    from asgiref.sync import sync_to_async

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(8))
    pool, watched = Pool("bench", 8), Pool("watched", 8)
    view = watched.options(timeout=60)
    limiter = CapacityLimiter(8)
    bare = sync_to_async(nothing, thread_sensitive=False)
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "unjam Pool.run": lambda: pool.run(nothing),
        "unjam with a timeout": lambda: view.run(nothing),
        "asyncio.to_thread": lambda: asyncio.to_thread(nothing),
        "anyio.to_thread, limiter 8": lambda: anyio.to_thread.run_sync(nothing, limiter=limiter),
        "asgiref sync_to_async": bare,
    }
    for count, operations, target in (
        (1, 1500, "1.8x to_thread"),
        (10, 4000, "1x"),
        (100, 8000, "4x"),
        (1000, 8000, "1x"),
    ):
        candidates = {name: callers(count, call) for name, call in calls.items()}
        await compare(
            f"async -> thread, {count} caller(s)", candidates, max(count, int(operations * scale)), rounds, target
        )
