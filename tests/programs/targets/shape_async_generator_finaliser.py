"""The finally block of an abandoned asynchronous generator, run by the loop's hook."""

import time

from _truth import quiet, run


async def rows():
    try:
        yield 1
        yield 2
    finally:
        time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1


async def main() -> None:
    async for _ in rows():
        break
    await quiet()


run(main())
