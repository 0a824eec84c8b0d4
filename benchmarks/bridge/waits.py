"""thread -> loop: a coroutine that does not suspend, from C threads at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rounds import Candidate, compare

from unjam.bridge import Pool, wait

if TYPE_CHECKING:
    from collections.abc import Callable


async def nothing() -> None:
    pass


def threads(pool: Pool, count: int, once: Callable[[], object]) -> Candidate:
    def loop(calls: int) -> None:
        for _ in range(calls):
            once()

    async def run(operations: int) -> None:
        await asyncio.gather(*[pool.run(loop, operations // count) for _ in range(count)])

    return run


async def measure(rounds: int, scale: float) -> None:
    import anyio.from_thread

    loop = asyncio.get_running_loop()
    async with anyio.from_thread.BlockingPortal() as portal:
        for count, target in ((1, "2x run_coroutine_threadsafe"), (10, "1x"), (100, "1x"), (1000, "1x")):
            pool = Pool("bench", count)
            candidates = {
                "unjam wait": threads(pool, count, lambda: wait(nothing)),
                "run_coroutine_threadsafe": threads(
                    pool, count, lambda: asyncio.run_coroutine_threadsafe(nothing(), loop).result()
                ),
                "anyio BlockingPortal": threads(pool, count, lambda: portal.call(nothing)),
            }
            operations = max(count, int(2000 * scale))
            await compare(f"thread -> loop, {count} thread(s)", candidates, operations, rounds, target)
