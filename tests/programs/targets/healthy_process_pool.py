"""Python's own work in other processes."""

# serial: a child that gets no CPU to start with holds up whoever starts it, and that is no fault of the program

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from _truth import run


def work(number: int) -> int:
    return sum(value * value for value in range(number))


async def main(pool: ProcessPoolExecutor) -> None:
    loop = asyncio.get_running_loop()
    assert await loop.run_in_executor(pool, work, 1_500_000)


if __name__ == "__main__":
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        run(main(pool))
