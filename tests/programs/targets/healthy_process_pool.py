"""Python's own work in other processes."""

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from _truth import run


def work(number: int) -> int:
    return sum(value * value for value in range(number))


async def main() -> None:
    loop = asyncio.get_running_loop()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        assert await loop.run_in_executor(pool, work, 1_500_000)


if __name__ == "__main__":
    run(main())
