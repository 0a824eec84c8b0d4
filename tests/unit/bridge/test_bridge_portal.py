"""Laws of requests to loops that stop, are being closed or die: everybody hears something, and nothing is begun in vain."""

import asyncio
import concurrent.futures
import gc
import logging
import sys
import threading
import time

import pytest

from unjam.bridge import Pool, Portal, loop_thread, wait
from unjam.errors import NoLoop, UsageError

LIMIT = 60


async def identity(value):
    return value


async def here():
    return Portal.current()


def test_a_submit_to_a_loop_that_rests_is_refused():
    """As a wait: nobody says when that loop will run again."""
    loop = asyncio.new_event_loop()
    portal = loop.run_until_complete(here())
    with pytest.raises(NoLoop, match="does not run"):
        portal.submit(identity, 1)
    loop.close()
    with pytest.raises(NoLoop, match="is closed"):
        portal.submit(identity, 1)


@pytest.mark.parametrize("begun", [False, True], ids=["queued", "begun"])
def test_a_future_of_a_loop_that_stops_ends(begun):
    """NoLoop, though its loop is never closed, and the coroutine does not begin after that."""
    loop, ran = asyncio.new_event_loop(), []

    async def never_ends():
        ran.append(True)
        await asyncio.sleep(3600)

    async def submits():
        portal = Portal.current()
        # Called in the turn in which the loop is stopped.
        loop.call_soon(lambda: futures.append(portal.submit(never_ends)))
        if begun:
            await asyncio.sleep(0.001)

    futures = []
    loop.run_until_complete(submits())
    with pytest.raises(NoLoop, match="has stopped"):
        futures[0].result(LIMIT)
    loop.run_until_complete(asyncio.sleep(0.001))
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert ran == [True] * begun


def test_a_loop_thread_takes_nothing_from_outside_while_it_closes(caplog):
    """What would begin then, nobody would cancel: it is refused. What its own tasks do to clean up goes on."""
    closing, go, ran, pool = threading.Event(), threading.Event(), [], Pool("p", 1)

    async def cleans_up():
        try:
            await asyncio.sleep(3600)
        finally:
            closing.set()
            ran.append(await pool.run(wait, identity, "nested"))
            while not go.is_set():
                await asyncio.sleep(0.001)

    def knocks(portal):
        assert closing.wait(LIMIT)
        for ask in (portal.submit, portal.wait):
            try:
                ask(identity, "outside")
            except NoLoop as exc:
                ran.append(str(exc))
        go.set()

    with loop_thread() as portal:
        thread = threading.Thread(target=knocks, args=(portal,))
        thread.start()
        portal.submit(cleans_up)
        portal.wait(identity, 0)
    thread.join(LIMIT)
    gc.collect()
    refused = "the loop on which this would wait is being closed"
    assert sorted(ran) == ["nested", refused, refused]
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_what_is_in_the_mailbox_when_a_loop_thread_closes_is_refused(caplog):
    """It was posted before the end and would begin after the tasks were cancelled."""

    async def forever():
        await asyncio.sleep(3600)

    futures = []
    for _ in range(20):
        asked = threading.Event()

        def knocks(portal, asked=asked):
            try:
                while True:
                    futures.append(portal.submit(forever))
                    asked.set()
                    time.sleep(0.0001)
            except NoLoop:
                pass

        with loop_thread() as portal:
            thread = threading.Thread(target=knocks, args=(portal,))
            thread.start()
            assert asked.wait(LIMIT)
        thread.join(LIMIT)
    assert not concurrent.futures.wait(futures, LIMIT).not_done
    gc.collect()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("spawned", [False, True], ids=["in a callback", "in a task"])
def test_a_loop_thread_that_was_ended_says_by_what(spawned):
    """Not that the loop is closed; the body goes on until it asks for something."""

    tasks = []

    async def exits():
        raise SystemExit(4)

    async def ends():
        if spawned:
            tasks.append(asyncio.create_task(exits()))
        else:
            asyncio.get_running_loop().call_soon(sys.exit, 4)

    with pytest.raises(SystemExit) as caught, loop_thread() as portal:
        portal.wait(ends)
    assert caught.value.code == 4
    assert [task.exception() for task in tasks] == [caught.value] * spawned


def test_a_base_exception_out_of_a_wait_is_the_caller_s_alone(run, caplog):
    """The loop does not tell of it as well."""

    class Own(BaseException):
        pass

    async def raises():
        await asyncio.sleep(0)
        raise Own

    async def main():
        with pytest.raises(Own):
            await Pool("p", 1).run(wait, raises)

    run(main())
    gc.collect()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_what_is_no_coroutine_function_is_refused_with_the_way_out(run, recwarn):
    """A coroutine, a plain function, and nothing that can be called at all."""

    async def main():
        pool = Pool("p", 1)
        with pytest.raises(UsageError, match=r"give the coroutine function and its arguments, \(identity, ...\)"):
            await pool.run(wait, identity(1))
        with pytest.raises(UsageError, match="len returned a int, which cannot be awaited"):
            await pool.run(wait, len, [])
        with pytest.raises(UsageError, match="is needed, not 3"):
            await pool.run(wait, 3)

    run(main())
    assert list(recwarn) == []
