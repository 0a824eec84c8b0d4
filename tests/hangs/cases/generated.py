"""Threads and tasks that each hold a lock of their own and then want another's, as the JSON argument says.

{"threads": [want, ...], "tasks": [want, ...]}: thread n holds lock n, task n holds asyncio lock n; `want` is a number or null.
"""

import asyncio
import json
import sys
import threading
import time

SPEC = json.loads(sys.argv[1])
LOCKS = [threading.Lock() for _ in SPEC["threads"]]
TOGETHER = threading.Barrier(len(LOCKS) + 1)


def actor(number, want):
    with LOCKS[number]:
        TOGETHER.wait()
        if want is not None:
            with LOCKS[want]:
                pass
        else:
            time.sleep(60)


async def task(number, want, locks, ready):
    async with locks[number]:
        ready[number].set()
        await asyncio.gather(*[event.wait() for event in ready])
        if want is not None:
            async with locks[want]:
                pass
        else:
            await asyncio.sleep(60)


async def main():
    for number, want in enumerate(SPEC["threads"]):
        threading.Thread(target=actor, args=(number, want), daemon=True, name=f"actor-{number}").start()
    await asyncio.to_thread(TOGETHER.wait)
    locks = [asyncio.Lock() for _ in SPEC["tasks"]]
    ready = [asyncio.Event() for _ in SPEC["tasks"]]
    tasks = [
        asyncio.create_task(task(n, want, locks, ready), name=f"actor-{n}") for n, want in enumerate(SPEC["tasks"])
    ]
    await asyncio.gather(*tasks, asyncio.sleep(60))


asyncio.run(main())
