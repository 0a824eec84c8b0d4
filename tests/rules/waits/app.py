"""UJ201 to UJ206: locks, queues, futures, nested runs, broken hand-offs; and what only looks like them."""

import asyncio
import concurrent.futures
import functools
import multiprocessing.connection
import queue
import sqlite3
import threading
import time
from pathlib import Path

guard = threading.Lock()
slow_guard = threading.Lock()
file_guard = threading.Lock()
arrived = threading.Condition()
jobs: queue.Queue[int] = queue.Queue()
bounded: queue.Queue[int] = queue.Queue(maxsize=1)
async_guard = asyncio.Lock()


async def lock_over_await():
    with guard:  # error: UJ204 guard
        await asyncio.sleep(1)


async def async_lock_over_await():
    async with async_guard:  # clean
        await asyncio.sleep(1)


async def short_section():
    with guard:  # note: UJ201 _thread.LockType.__enter__
        print("short")


async def contended():
    with slow_guard:  # error: UJ201 _thread.LockType.__enter__
        print("short")


def in_a_thread():
    with slow_guard:
        time.sleep(5)


async def starts_it():
    await asyncio.to_thread(in_a_thread)


async def written_down():
    with file_guard:  # note: UJ201 _thread.LockType.__enter__
        print("short")


def writes_in_a_thread(path: Path):
    with file_guard:
        path.write_bytes(b"local work, which does not wait for anybody")


async def starts_the_writing(path: Path):
    await asyncio.to_thread(writes_in_a_thread, path)


async def polls(connection: multiprocessing.connection.Connection):
    if connection.poll() or connection.poll(0):  # clean
        return connection.recv()  # clean: it is here
    return None


async def receives(connection: multiprocessing.connection.Connection):
    return connection.recv()  # error: UJ203 multiprocessing.connection.Connection.recv


async def polls_for_a_second(connection: multiprocessing.connection.Connection):
    return connection.poll(1)  # error: UJ203 multiprocessing.connection.Connection.poll


async def signals():
    with arrived:  # note: UJ201 threading.Condition.__enter__
        arrived.notify_all()


async def in_memory():
    sqlite3.connect("app.db")  # warning: UJ106 sqlite3.connect
    return sqlite3.connect(":memory:")  # clean: it opens no file


async def makes_a_folder(path: Path):
    path.mkdir()  # note: UJ102 pathlib.Path.mkdir
    path.write_bytes(b"x")  # note: UJ102 pathlib.Path.write_bytes


async def tries():
    return guard.acquire(blocking=False)  # clean


async def takes_from_queue():
    jobs.get()  # error: UJ202 queue.Queue.get
    jobs.get_nowait()  # clean
    jobs.put(1)  # clean: it has no bound
    bounded.put(1)  # error: UJ202 queue.Queue.put


async def ends_a_pool(pool: concurrent.futures.ThreadPoolExecutor):
    pool.shutdown(wait=False, cancel_futures=True)  # clean
    pool.shutdown()  # error: UJ203 concurrent.futures.ThreadPoolExecutor.shutdown


async def waits_for_future(pool: concurrent.futures.ThreadPoolExecutor):
    future = pool.submit(print)
    future.result()  # error: UJ203 concurrent.futures.Future.result


async def asks_first(future: concurrent.futures.Future):
    if future.done():
        future.result()  # clean


async def result_of_a_task(task: asyncio.Task):
    await task
    return task.result()  # clean


async def joins(thread: threading.Thread, event: threading.Event):
    thread.join()  # error: UJ203 threading.Thread.join
    event.wait()  # error: UJ203 threading.Event.wait
    return ", ".join(["a"])  # clean


async def nested_run():
    load()


def load():
    return asyncio.run(asyncio.sleep(0))  # error: UJ205 asyncio.run


def load_or_schedule():
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(asyncio.sleep(0))  # clean: only where no loop runs
    return loop.create_task(asyncio.sleep(0))


async def schedules():
    load_or_schedule()


def save(item, sync=False):
    time.sleep(1)


async def save_async(item):
    await asyncio.sleep(1)


async def broken_handoffs(inbox: asyncio.Queue):
    loop = asyncio.get_running_loop()
    asyncio.to_thread(save, 1)  # error: UJ206 asyncio.to_thread
    await asyncio.to_thread(save_async, 1)  # error: UJ206 asyncio.to_thread
    await loop.run_in_executor(None, save, 1, sync=True)  # error: UJ206 loop.run_in_executor
    await asyncio.to_thread(inbox.put_nowait, 1)  # error: UJ206 asyncio.to_thread


class Feed:
    def __init__(self):
        self.inbox = asyncio.Queue()
        self.ready = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def read(self):
        self.inbox.put_nowait(1)

    def schedule(self):
        self.loop.call_soon(print)

    def read_safely(self):
        self.loop.call_soon_threadsafe(self.inbox.put_nowait, 1)
        return self.ready.is_set()

    async def broken(self):
        await asyncio.to_thread(self.read)  # error: UJ206 asyncio.to_thread
        await asyncio.to_thread(self.schedule)  # error: UJ206 asyncio.to_thread
        await asyncio.to_thread(self.ready.set)  # error: UJ206 asyncio.to_thread

    async def good(self):
        await asyncio.to_thread(self.read_safely)  # clean


def own_loop():
    loop = asyncio.new_event_loop()
    loop.call_soon(print)


async def thread_with_a_loop():
    await asyncio.to_thread(own_loop)  # clean: the loop is the thread's own


async def thread_bound():
    connection = await asyncio.to_thread(sqlite3.connect, "app.db")
    await asyncio.to_thread(connection.execute, "select 1")  # error: UJ206 asyncio.to_thread


async def good_handoffs(inbox: asyncio.Queue):
    loop = asyncio.get_running_loop()
    await asyncio.to_thread(save, 1, sync=True)  # clean
    await loop.run_in_executor(None, functools.partial(save, 1, sync=True))  # clean
    kept = asyncio.create_task(asyncio.to_thread(save, 1))  # clean
    inbox.put_nowait(1)  # clean
    await kept
