"""Functions that ask whether a loop runs: what they do where none does keeps nobody waiting; each with its twin."""

import asyncio
import time


def where_none_runs():
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        time.sleep(1)  # clean
        by_a_helper()
        return None
    time.sleep(1)  # error: UJ101 time.sleep


def by_a_helper():
    time.sleep(1)  # clean: nobody else calls it


def where_none_was_found():
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    if loop is None:
        time.sleep(1)  # clean
    else:
        time.sleep(1)  # error: UJ101 time.sleep


def where_it_may_be_handed_over(loop=None):
    if loop is None:
        time.sleep(1)  # error: UJ101 time.sleep
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        pass


def where_something_else_may_fail(work):
    try:
        asyncio.get_running_loop()
        work()
    except RuntimeError:
        time.sleep(1)  # error: UJ101 time.sleep


def where_one_is_refused():
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError("await the other one")
    time.sleep(1)  # clean


def where_this_one_does_not_run():
    loop = asyncio.get_event_loop()
    if not loop.is_running():
        time.sleep(1)  # clean
    if loop.is_running():
        time.sleep(1)  # error: UJ101 time.sleep


def where_some_loop_does_not_run(loop: asyncio.AbstractEventLoop):
    if not loop.is_running():
        time.sleep(1)  # error: UJ101 time.sleep


async def on_the_loop(loop: asyncio.AbstractEventLoop, work):
    where_none_runs()
    where_none_was_found()
    where_it_may_be_handed_over()
    where_something_else_may_fail(work)
    where_one_is_refused()
    where_this_one_does_not_run()
    where_some_loop_does_not_run(loop)
