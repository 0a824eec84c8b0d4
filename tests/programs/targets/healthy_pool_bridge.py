"""Pools of unjam.bridge with room for all, and short queues that move: nobody waits for long."""

import asyncio
import time
from contextlib import nullcontext

from _truth import quiet, run

from unjam.bridge import Pool, wait


async def main() -> None:
    wide, narrow = Pool("wide", 4), Pool("narrow", 1)
    await quiet()
    long = [asyncio.ensure_future(wide.run(time.sleep, 0.3)) for _ in range(3)]
    async with narrow.acontext(nullcontext()):
        await asyncio.gather(*(narrow.run(time.sleep, 0.002) for _ in range(3)))
    await narrow.run(wait, wide.run, len, "nested")
    await asyncio.gather(*long)
    await quiet()


run(main())
