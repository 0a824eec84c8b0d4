"""A synchronous generator read from a loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rounds import compare

from unjam.bridge import Pool

if TYPE_CHECKING:
    from collections.abc import Iterator


def source(count: int) -> Iterator[int]:
    yield from range(count)


async def measure(rounds: int, scale: float) -> None:
    from starlette.concurrency import iterate_in_threadpool

    pool = Pool("bench", 8)

    async def ours(operations: int) -> None:
        async for _ in pool.aiter(source(operations)):
            pass

    async def of_starlette(operations: int) -> None:
        # A hundredth of the items: both are rates, and a hop for every item takes its time.
        async for _ in iterate_in_threadpool(source(operations // 100)):
            pass

    async def hundred_times(operations: int) -> None:
        for _ in range(100):
            await of_starlette(operations)

    operations = int(60_000 * scale)
    await compare(
        "generator -> async for", {"unjam aiter": ours, "starlette": hundred_times}, operations, rounds, "50x starlette"
    )
