# loops: asyncio
"""Callbacks without a frame of their own: what scheduled them is to blame."""

import asyncio
import functools
import time

from _truth import quiet, run


async def main() -> None:
    loop = asyncio.get_running_loop()
    await quiet()
    loop.call_soon(time.sleep, 0.12)  # expect: UJ101 leaf=time.sleep count=1
    await quiet()
    loop.call_later(0.01, functools.partial(time.sleep, 0.12))  # expect: UJ101 leaf=time.sleep count=1
    await quiet()


run(main())
