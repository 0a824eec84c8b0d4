"""Threads and tasks that each hold a lock of their own and then want something of another one, as the JSON argument says.

[[kind, how, of whom, timed], ...]: kind is thread or task; how is lock or end, or null for one that wants nothing; of whom is a
number. A thread wants a task's end through run_coroutine_threadsafe, a task a thread's end through a pool. `timed`: with a time-out.
"""

import asyncio
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

SPEC = json.loads(sys.argv[1])
LONG = 80
GO = threading.Event()
POOL = ThreadPoolExecutor(len(SPEC) + 1)
HELD = threading.Semaphore(0)
THREADS, TASKS, LOCKS = {}, {}, {}


def actor(number, loop):
    with LOCKS[number]:
        HELD.release()
        GO.wait()
        _, how, of, timed = SPEC[number]
        limit = LONG if timed else None
        if how is None:
            time.sleep(LONG)
        elif of in TASKS:
            asyncio.run_coroutine_threadsafe(ended(of), loop).result(limit)
        elif how == "end":
            THREADS[of].join(limit)
        elif timed:
            LOCKS[of].acquire(timeout=LONG)
        else:
            with LOCKS[of]:
                pass


async def ended(number):
    await TASKS[number]


async def task(number, start):
    async with LOCKS[number]:
        HELD.release()
        await start.wait()
        _, how, of, timed = SPEC[number]
        if how is None:
            await asyncio.sleep(LONG)
        elif of in THREADS:
            await asyncio.get_running_loop().run_in_executor(POOL, THREADS[of].join, LONG if timed else None)
        elif how == "end":
            await TASKS[of]
        elif timed:
            async with asyncio.timeout(LONG), LOCKS[of]:
                pass
        else:
            async with LOCKS[of]:
                pass


async def main():
    loop, start = asyncio.get_running_loop(), asyncio.Event()
    for number, (kind, *_) in enumerate(SPEC):
        LOCKS[number] = threading.Lock() if kind == "thread" else asyncio.Lock()
        if kind == "thread":
            THREADS[number] = threading.Thread(target=actor, args=(number, loop), daemon=True, name=f"actor-{number}")
        else:
            TASKS[number] = asyncio.create_task(task(number, start), name=f"actor-{number}")
    for thread in THREADS.values():
        thread.start()
    await asyncio.sleep(0)
    for _ in SPEC:
        await asyncio.to_thread(HELD.acquire)
    GO.set()
    start.set()
    await asyncio.sleep(LONG)


threading.stack_size(1 << 18)
asyncio.run(main())
