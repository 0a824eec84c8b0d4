"""A timeout that fires because the call never left the queue of a pool of unjam.bridge."""

import asyncio
import contextlib
import time

from _truth import quiet, run

from unjam.bridge import Pool

# expect: UJ601 culprit=any
# expect: UJ701 culprit=any


async def main() -> None:
    pool = Pool("narrow", 1)
    await quiet()
    busy = asyncio.ensure_future(pool.run(time.sleep, 0.4))
    await quiet()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await pool.run(len, "short")
    await busy
    await quiet()


run(main())
