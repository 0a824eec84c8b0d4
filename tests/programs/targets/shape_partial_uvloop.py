# loops: uvloop
"""Callbacks without a frame of their own, on a loop whose handles cannot be seen: a sleep, and nobody to blame."""

import asyncio
import functools
import time

from _truth import quiet, run

# expect: UJ101 culprit=none


async def main() -> None:
    loop = asyncio.get_running_loop()
    await quiet()
    loop.call_soon(time.sleep, 0.12)
    await quiet()
    loop.call_later(0.01, functools.partial(time.sleep, 0.12))
    await quiet()


run(main())
