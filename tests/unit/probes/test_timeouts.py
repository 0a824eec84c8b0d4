"""Laws of the timeouts probe: the window, who waited, and whether the answer was there."""

import asyncio
import contextlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.to_thread
import pytest

from unjam.probes.patching import ImportWatch
from unjam.probes.pools import Pools
from unjam.probes.timeouts import Timeouts

LIMIT = 0.1
"""Seconds: long enough that a busy machine can answer within it, short enough for a test."""


@pytest.fixture
def lines():
    found, imports = [], ImportWatch()
    probes = [Pools(found.append, threshold_ns=10_000_000), Timeouts(found.append, number_of=lambda loop: 7)]
    for probe in probes:
        probe.install(imports)
    yield found
    for probe in reversed(probes):
        probe.uninstall()
    imports.stop()


def timeouts(lines):
    return [event for event in map(json.loads, lines) if event["e"] == "timeout"]


async def with_timeout(awaitable):
    async with asyncio.timeout(LIMIT):
        return await awaitable


async def with_wait_for(awaitable):
    return await asyncio.wait_for(awaitable, LIMIT)


async def with_fail_after(awaitable):
    with anyio.fail_after(LIMIT):
        return await awaitable


KINDS = pytest.mark.parametrize("kind", [with_timeout, with_wait_for, with_fail_after])


async def silent_peer():
    """A connected pair of streams of which one end never says anything."""
    arrived = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda r, w: arrived.set_result((r, w)), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    return reader, (await arrived)[1], (writer, server)


def run(kind, body):
    """Run `body(reader, writer of the peer)` under the timeout; returns whether it timed out."""

    async def main():
        reader, peer, _kept_alive = await silent_peer()
        try:
            await kind(body(reader, peer))
        except TimeoutError:
            return True
        return False

    return asyncio.run(main())


@KINDS
def test_a_slow_peer(lines, kind):
    """Nothing to read when it fires: not answered; the window is what was asked for, the chain ends in the read."""

    async def body(reader, peer):
        await reader.readline()

    assert run(kind, body)
    (event,) = timeouts(lines)
    assert (7, False, None) == (event["loop"], event["answered"], event["pool_ns"])
    assert event["t1"] - event["t0"] >= LIMIT * 1e9 * 0.9
    assert any(place[2].endswith("body") for place in event["chain"])


@KINDS
def test_an_answer_that_came_while_the_loop_was_away(lines, kind):
    """Where the program sees a TimeoutError although the reply lay there, it is told; where the reply wins, nothing is."""

    async def body(reader, peer):
        peer.write(b"reply\n")
        asyncio.get_running_loop().call_soon(time.sleep, 2 * LIMIT)
        await reader.readline()

    timed_out = run(kind, body)
    assert [True] * timed_out == [event["answered"] for event in timeouts(lines)]


def test_a_call_that_queued_in_a_pool(lines):
    """The time in the queue of an executor is measured, and it is the call that is awaited, not another."""

    async def main():
        loop = asyncio.get_running_loop()
        release = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            busy = loop.run_in_executor(pool, release.wait, 60)
            with pytest.raises(TimeoutError):
                await with_wait_for(loop.run_in_executor(pool, print))
            release.set()
            await busy

    asyncio.run(main())
    (event,) = timeouts(lines)
    assert event["pool_ns"] >= LIMIT * 1e9 * 0.9


def test_a_call_that_queued_for_a_token(lines):
    """The same through anyio's limiter."""

    async def main():
        limiter = anyio.CapacityLimiter(1)
        async with limiter:

            async def call():
                await anyio.to_thread.run_sync(print, limiter=limiter)

            with pytest.raises(TimeoutError):
                await asyncio.create_task(with_fail_after(call()))

    asyncio.run(main())
    (event,) = timeouts(lines)
    assert event["pool_ns"] >= LIMIT * 1e9 * 0.9


@KINDS
def test_a_timeout_that_does_not_fire_is_not_told(lines, kind):
    """Work that is done in time leaves no event."""
    assert "done" == asyncio.run(kind(asyncio.sleep(0, "done")))
    assert [] == timeouts(lines)


@pytest.mark.parametrize("kind", ["asyncio", "anyio"])
def test_a_poll_is_no_timeout(lines, kind):
    """Who sets a timeout that is over at once looks whether something is there, as clients of Redis do before each command."""

    async def main():
        with contextlib.suppress(TimeoutError):
            if kind == "asyncio":
                async with asyncio.timeout(0):
                    await asyncio.sleep(30)
            else:
                with anyio.fail_after(0):
                    await anyio.sleep(30)

    asyncio.run(main())
    assert [] == timeouts(lines)


def test_a_timer_that_runs_early_has_fired(lines):
    """uvloop counts in milliseconds, so its timers run when the loop's clock is just short of the deadline."""

    async def main():
        async with asyncio.timeout(60) as timeout:
            asyncio.get_running_loop().call_soon(timeout._on_timeout)
            await asyncio.sleep(30)

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert ["asyncio.timeout"] == [event["kind"] for event in timeouts(lines)]


def test_uninstall_restores(lines):
    """After uninstall the class is as the standard library made it."""
    assert asyncio.timeouts.Timeout._on_timeout.__module__ == "unjam.probes.timeouts"
    probe = Timeouts(lines.append, number_of=lambda loop: 1)
    before = asyncio.timeouts.Timeout._on_timeout
    probe.install(ImportWatch())
    probe.uninstall()
    assert before is asyncio.timeouts.Timeout._on_timeout
