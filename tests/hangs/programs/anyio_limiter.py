"""Every token of anyio's limiter is held by a call that waits for another token."""  # expect: UJ802 exact

import asyncio
import threading

import anyio
import anyio.from_thread
import anyio.to_thread

TOGETHER = threading.Barrier(2)


def inner():
    return 1


def outer():
    TOGETHER.wait()
    return anyio.from_thread.run(anyio.to_thread.run_sync, inner)  # here


async def main():
    anyio.to_thread.current_default_thread_limiter().total_tokens = 2
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(anyio.to_thread.run_sync, outer)


asyncio.run(main())
