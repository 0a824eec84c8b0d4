# loops: asyncio
"""A second loop, run inside a step of the first one, as patched loops allow."""

import asyncio

from _truth import measured, quiet, run


async def main() -> None:
    outer, inner = asyncio.get_running_loop(), asyncio.new_event_loop()
    await quiet()
    with measured():
        asyncio._set_running_loop(None)
        inner.run_until_complete(asyncio.sleep(0.15))  # expect: UJ205
        asyncio._set_running_loop(outer)
    inner.close()
    await quiet()


run(main())
