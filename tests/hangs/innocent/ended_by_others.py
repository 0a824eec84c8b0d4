"""Cycles and dead ends that something alive will end, each by a way that no waiting frame shows.

Timers, watchdogs, callbacks of descriptors, threads that reach an event over four objects, consumers behind methods, permits
and locks given back by another one. Each case is a task, or a loop of its own in a thread where it blocks the loop.
"""

import asyncio
import os
import sys
import threading
import time
import types

LATER = 80


async def both(first, second):
    async with first:
        await asyncio.sleep(0.01)
        async with second:
            pass


def cycle():
    left, right = asyncio.Lock(), asyncio.Lock()
    return [asyncio.create_task(both(left, right)), asyncio.create_task(both(right, left))]


async def cancelled_by_a_timer():
    tasks = cycle()
    asyncio.get_running_loop().call_later(LATER, tasks[0].cancel)
    await asyncio.wait(tasks)


async def cancelled_by_a_watchdog():
    async def watchdog(task):
        await asyncio.sleep(LATER)
        task.cancel()

    tasks = cycle()
    await asyncio.gather(watchdog(tasks[0]), *tasks)


async def cancelled_by_who_waits_for_the_first():
    tasks = [*cycle(), asyncio.create_task(asyncio.sleep(LATER))]
    for task in (await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED))[1]:
        task.cancel()


async def consumer_started_by_a_timer():
    async def consume(items):
        while True:
            await items.get()
            items.task_done()

    items = asyncio.Queue()
    items.put_nowait(1)
    asyncio.get_running_loop().call_later(LATER, lambda: asyncio.ensure_future(consume(items)))
    await items.join()


class Inbox:
    def __init__(self):
        self._queue = asyncio.Queue()
        self._queue.put_nowait(1)

    async def next_item(self):
        return await self._queue.get()

    def done(self):
        self._queue.task_done()

    async def drained(self):
        await self._queue.join()


async def consumer_behind_methods():
    async def worker(context):
        while True:
            await context.inbox.next_item()
            await asyncio.sleep(LATER)
            context.inbox.done()

    context = types.SimpleNamespace(inbox=Inbox())
    await asyncio.gather(worker(context), context.inbox.drained())


async def room_made_by_a_descriptor():
    class Reader:
        def __init__(self, items):
            self.items = items

        def readable(self):
            self.items.get_nowait()

    items = asyncio.Queue(1)
    items.put_nowait(1)
    read, _ = os.pipe()
    asyncio.get_running_loop().add_reader(read, Reader(items).readable)
    await items.put(2)


async def future_set_by_a_descriptor():
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    read, _ = os.pipe()
    loop.add_reader(read, future.set_result, 1)
    await future


async def permit_held_without_with():
    async def again(permits):
        async with permits:
            async with permits:
                pass

    async def slow(permits):
        await permits.acquire()
        await asyncio.sleep(LATER)
        permits.release()

    permits = asyncio.Semaphore(2)
    await asyncio.gather(slow(permits), again(permits))


async def released_inside_its_with():
    async def one(lock, other):
        async with lock:
            lock.release()
            await other.acquire()
            await lock.acquire()

    async def two(lock, other):
        await other.acquire()
        await lock.acquire()
        await asyncio.sleep(LATER)

    lock, other = asyncio.Lock(), asyncio.Lock()
    await asyncio.gather(two(lock, other), one(lock, other))


def finish(state):
    state.inner.more.deep.event.set()


async def event_set_over_four_objects():
    """Blocks its loop; a callback queued on it can reach the event as well."""

    def worker(state):
        time.sleep(LATER)
        finish(state)

    event = threading.Event()
    space = types.SimpleNamespace
    state = space(inner=space(more=space(deep=space(event=event))))
    threading.Thread(target=worker, args=(state,), daemon=True).start()
    asyncio.get_running_loop().call_soon(event.is_set)
    event.wait()


async def event_set_by_a_timer_thread():
    """Blocks its loop; a task of it could set the event as well."""

    async def setter(event):
        event.set()

    event = threading.Event()
    timer = threading.Timer(LATER, event.set)
    timer.daemon = True
    timer.start()
    task = asyncio.create_task(setter(event))
    event.wait()
    await task


def thread_that_takes_over_a_module():
    module = types.ModuleType("work_items")
    exec(
        "import queue\nWORK = queue.Queue()\nWORK.put(1)\ndef handle():\n    WORK.get(); WORK.task_done()",
        module.__dict__,
    )
    sys.modules["work_items"] = module

    def consumer():
        import work_items

        time.sleep(LATER)
        work_items.handle()

    threading.Thread(target=consumer, daemon=True).start()
    module.WORK.join()


def lock_opened_by_another_thread():
    def opener():
        time.sleep(LATER)
        gate.release()

    gate = threading.Lock()
    threading.Thread(target=opener, daemon=True).start()
    with gate:
        gate.acquire()


def in_a_loop(case):
    return lambda: asyncio.run(case())


async def main():
    blocking = [
        thread_that_takes_over_a_module,
        lock_opened_by_another_thread,
        in_a_loop(event_set_over_four_objects),
        in_a_loop(event_set_by_a_timer_thread),
    ]
    for case in blocking:
        threading.Thread(target=case, daemon=True).start()
    await asyncio.gather(
        cancelled_by_a_timer(),
        cancelled_by_a_watchdog(),
        cancelled_by_who_waits_for_the_first(),
        consumer_started_by_a_timer(),
        consumer_behind_methods(),
        room_made_by_a_descriptor(),
        future_set_by_a_descriptor(),
        permit_held_without_with(),
        released_inside_its_with(),
    )


asyncio.run(main())
