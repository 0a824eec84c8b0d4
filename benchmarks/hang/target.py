"""The program that is asked: tasks and threads that wait, and one thread that counts how long it is kept from running.

    target.py TASKS THREADS COUNT

Prints "ready", then for each line on stdin the longest gaps, in ms, that the counting thread has seen since the line before: pairs of
the whole gap and of what is left of it without the time in which there was no CPU for that thread. COUNT 0 is for no such thread.
"""

import asyncio
import queue
import sys
import threading
import time

TASKS, THREADS, COUNT = (int(word) for word in sys.argv[1:])
MOST_GAPS = 4
LONG_NS = 7_000_000
"""Above the switch interval of 5 ms: what is shorter is the ordinary change of hands."""

threading.stack_size(1 << 18)


class Gaps:
    """The longest stretches between two looks at the clock of a thread that does nothing else."""

    def __init__(self):
        self.longest = []

    def count(self):
        before, delayed = time.perf_counter_ns(), run_delay_ns()
        while True:
            now = time.perf_counter_ns()
            if now - before > LONG_NS:
                delay = run_delay_ns()
                self.longest.append((now - before, now - before - (delay - delayed)))
                delayed = delay
                now = time.perf_counter_ns()
            before = now

    def taken(self):
        found, self.longest = self.longest, []
        found.sort(key=lambda gap: -gap[1])
        return [[round(part / 1e6, 1) for part in gap] for gap in found[:MOST_GAPS]]


def run_delay_ns():
    """How long this thread has waited for a CPU so far (sched-stats.txt: the second number)."""
    with open(f"/proc/self/task/{threading.get_native_id()}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[1])


async def peer(lock):
    async with lock:
        await asyncio.sleep(600)


async def main():
    work = queue.Queue()
    for _ in range(THREADS):
        threading.Thread(target=work.get, daemon=True).start()
    tasks = [asyncio.create_task(peer(asyncio.Lock())) for _ in range(TASKS)]
    await asyncio.sleep(0.1)
    gaps = Gaps()
    if COUNT:
        threading.Thread(target=gaps.count, daemon=True).start()
    await asyncio.sleep(0.5)
    gaps.taken()
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(gaps.taken(), flush=True)
    for task in tasks:
        task.cancel()


asyncio.run(main())
