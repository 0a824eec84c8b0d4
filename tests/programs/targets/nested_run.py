# loops: asyncio
"""A second loop, run inside a step of the first one, as patched loops allow."""

import asyncio

from _truth import measured, quiet, run


async def main() -> None:
    outer, inner, task = asyncio.get_running_loop(), asyncio.new_event_loop(), asyncio.current_task()
    await quiet()
    with measured():
        # From Python 3.14 on a thread runs one task at a time, whatever loop it is of.
        asyncio.tasks._leave_task(outer, task)
        asyncio._set_running_loop(None)
        inner.run_until_complete(asyncio.sleep(0.15))  # expect: UJ205
        asyncio._set_running_loop(outer)
        asyncio.tasks._enter_task(outer, task)
    inner.close()
    await quiet()


run(main())
