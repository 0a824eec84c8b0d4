# quota
# serial
"""A CPU quota that is used up in steps of a few milliseconds: ready to run, and given no CPU until the next period."""

import asyncio

from _truth import quiet, run

# expect: UJ502 culprit=none says=quota required=native


async def main() -> None:
    await quiet()
    for _ in range(60):
        sum(range(150_000))
        await asyncio.sleep(0)
    await quiet()


run(main())
