"""Loops that close and come again, as under a test runner."""

import time

from _truth import quiet, run


async def main() -> None:
    await quiet()
    time.sleep(0.1)  # expect: UJ101 leaf=time.sleep count=3
    await quiet()


for _ in range(3):
    run(main())
