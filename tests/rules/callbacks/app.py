"""What the loop calls without an await: callbacks, protocols, signal handlers; and callbacks that run elsewhere."""

import asyncio
import concurrent.futures
import functools
import signal
import threading
import time


def on_timer():
    time.sleep(1)  # error: UJ101 time.sleep


def on_time():
    time.sleep(2)  # error: UJ101 time.sleep


def on_writer(number):
    time.sleep(2)  # error: UJ101 time.sleep


class Stepper:
    def step(self):
        time.sleep(2)  # error: UJ101 time.sleep


def in_timer_thread():
    time.sleep(2)  # clean: a timer has a thread of its own


def on_reader():
    time.sleep(2)  # error: UJ101 time.sleep


def on_signal():
    time.sleep(3)  # note: UJ101 time.sleep


def on_done(task):
    time.sleep(4)  # error: UJ101 time.sleep


def on_pool_done(future):
    time.sleep(5)  # clean: the worker thread calls it


def start(loop: asyncio.AbstractEventLoop, task: asyncio.Task, future: concurrent.futures.Future):
    loop.call_later(1, on_timer)
    loop.call_at(1.5, on_time)
    loop.add_writer(1, functools.partial(on_writer, 1))
    loop.call_soon_threadsafe(Stepper().step)
    threading.Timer(1, in_timer_thread).start()
    loop.add_reader(0, on_reader)
    loop.add_signal_handler(signal.SIGTERM, on_signal)
    task.add_done_callback(on_done)
    future.add_done_callback(on_pool_done)
    loop.call_soon(lambda: time.sleep(1))  # error: UJ101 time.sleep


class Echo(asyncio.Protocol):
    def data_received(self, data):
        time.sleep(1)  # error: UJ101 time.sleep

    def helper(self):
        time.sleep(1)  # clean: the loop does not call it by that name
