"""Leaving the loop: by the library's calls, by the project's own wrappers, with every form of callable."""

import asyncio
import functools
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import anyio
import anyio.to_process
import trio
from asgiref.sync import sync_to_async
from starlette.concurrency import run_in_threadpool

from offload.wrappers import call_now, in_pool, run_blocking, threaded

pool = ThreadPoolExecutor()


def work(seconds=1):
    time.sleep(seconds)  # clean: only ever in a thread


class Worker:
    def __init__(self):
        self.seconds = 1

    def work(self):
        time.sleep(self.seconds)  # clean

    def __call__(self):
        time.sleep(self.seconds)  # clean

    @classmethod
    def make(cls):
        time.sleep(1)  # clean


@sync_to_async
def decorated():
    time.sleep(1)  # clean


@threaded
def own_decorator():
    time.sleep(1)  # clean


async def every_way(worker: Worker):
    loop = asyncio.get_running_loop()
    await asyncio.to_thread(work, 1)
    await asyncio.to_thread(lambda: work(1))
    await asyncio.to_thread(lambda: time.sleep(1))  # clean
    await asyncio.to_thread(worker.work)
    await asyncio.to_thread(functools.partial(work, 1))
    await loop.run_in_executor(None, work)
    await loop.run_in_executor(pool, worker.work)
    await anyio.to_thread.run_sync(work)
    await run_in_threadpool(work)
    await sync_to_async(work)()
    await decorated()
    await own_decorator()
    pool.submit(work, 1)
    threading.Thread(target=work, daemon=True).start()

    def nested():
        time.sleep(1)  # clean

    await asyncio.to_thread(nested)
    await run_blocking(work, 1)
    await run_blocking(lambda: time.sleep(1))  # clean
    await in_pool(nested)
    await trio.to_thread.run_sync(work)
    await anyio.to_process.run_sync(work)
    await asyncio.to_thread(Made)
    await asyncio.to_thread(worker)
    await asyncio.to_thread(Worker.make)
    pool.map(work, [1, 2])
    rows = list(pool.map(work, [1, 2]))  # warning: UJ203 concurrent.futures.Executor.map
    with ProcessPoolExecutor() as processes:  # error: UJ203 concurrent.futures.ProcessPoolExecutor.__exit__
        processes.submit(work, 1)
    return rows


class Made:
    def __init__(self):
        time.sleep(1)  # clean: the class is made in a thread


def called():
    time.sleep(1)  # error: UJ101 time.sleep


async def called_here():
    call_now(called)
    call_now(lambda: time.sleep(1))  # error: UJ101 time.sleep


async def called_instead_of_passed():
    await asyncio.to_thread(called_too_early())  # error: UJ206 asyncio.to_thread
    await asyncio.to_thread(makes_callable())  # clean: it gives a function


def makes_callable():
    return work


def called_too_early():
    time.sleep(1)  # error: UJ101 time.sleep


async def passed_and_innocent():
    await asyncio.to_thread(functools.partial(work, seconds=2))
