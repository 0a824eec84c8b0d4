"""Calls queued behind a report in a pool of unjam.bridge, and one that gives up."""

import asyncio
import contextlib
import time

from _truth import quiet, run

from unjam.bridge import Pool

pool = Pool("reports", 2)


def report() -> None:  # expect: UJ601 grade=exact count=2 says=reports
    time.sleep(0.4)


async def main() -> None:
    await quiet()
    busy = [asyncio.ensure_future(pool.run(report)) for _ in range(2)]
    await quiet()
    waits = asyncio.ensure_future(pool.run(len, "short"))
    with contextlib.suppress(TimeoutError):
        await pool.options(queue_timeout=0.1).run(len, "in vain")
    await asyncio.gather(waits, *busy)
    await quiet()


run(main())
