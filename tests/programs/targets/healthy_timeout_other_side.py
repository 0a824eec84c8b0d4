"""A timeout that fires because the other side is slow."""

import asyncio
import contextlib

from _truth import quiet, run


async def main() -> None:
    await quiet()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.15):
            await asyncio.Event().wait()
    await quiet()


run(main())
