"""Laws of the pools probe: who queued, what held the workers, and nobody else."""

import asyncio
import concurrent.futures.thread as executors
import json
import socket
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.to_thread
import asgiref.sync
import pytest

from unjam import bridge
from unjam.probes.patching import ImportWatch
from unjam.probes.pool_state import Depth, Job, PoolState
from unjam.probes.pools import Pools

THRESHOLD_NS = 20_000_000


class Watch:
    """The probe, and the events that it has emitted so far."""

    def __init__(self):
        self.lines = []
        self.imports = ImportWatch()
        self.pools = Pools(self.lines.append, threshold_ns=THRESHOLD_NS)

    def all(self):
        self.pools.tick()
        return [json.loads(line) for line in self.lines]

    def events(self, kind, least=1):
        """At least so many events: a worker counts a call a moment after its result is out."""
        deadline = time.monotonic() + 10
        while True:
            found = [event for event in self.all() if event["e"] == kind]
            if len(found) >= least or time.monotonic() > deadline:
                return found

    def first(self, kind):
        """The first such event; a worker counts a call after it has given its result away."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            found = self.events(kind)
            if found:
                return found[0]
        raise AssertionError(f"no {kind} event")


@pytest.fixture
def watch():
    watch = Watch()
    watch.pools.install(watch.imports)
    yield watch
    watch.pools.uninstall()
    watch.imports.stop()


def wait_past_the_threshold():
    threading.Event().wait(THRESHOLD_NS * 3 / 1e9)


def test_calls_behind_a_full_pool_are_told(watch):
    """What queued for the threshold behind busy workers is told with its name, its site and who held the workers."""
    with ThreadPoolExecutor(1, thread_name_prefix="narrow") as pool:
        pool.submit(wait_past_the_threshold)
        pool.submit(socket.getaddrinfo, "127.0.0.1", 80)
    call = watch.first("poolcall")
    assert ("narrow", "socket.getaddrinfo", 1) == (call["pool"], call["call"], call["n"])
    assert [__file__, "test_calls_behind_a_full_pool_are_told"] == [call["site"][0], call["site"][2]]
    assert call["queued_ns"] >= THRESHOLD_NS
    held = [occupant["call"] for occupant in watch.first("pool")["held"]]
    assert any(name.endswith("wait_past_the_threshold") for name in held)


def test_a_pool_that_is_merely_busy_is_silent(watch):
    """As many long calls as there are workers make nobody wait."""
    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            pool.submit(wait_past_the_threshold)
    assert [] == watch.all()


def test_a_call_that_came_late_to_an_idle_worker_is_not_the_pools_fault():
    """The loop or the GIL may keep a call from a worker that is free: that is no full pool."""
    state = PoolState("pool", "executor", limit=2, threshold_ns=THRESHOLD_NS)
    job = Job(print, None)
    job.submitted -= 10 * THRESHOLD_NS
    state.started(job, 1)
    state.ended(job, 1)
    assert [] == state.events(Depth(queued=0, oldest=0), {})


def test_a_pool_that_never_ends_is_told_while_it_is_stuck(watch):
    """Who waits behind workers that do not come back is told before anything ends."""
    release, begun = threading.Event(), threading.Event()

    def stuck():
        begun.set()
        release.wait(60)

    with ThreadPoolExecutor(1, thread_name_prefix="stuck") as pool:
        pool.submit(stuck)
        pool.submit(print)
        begun.wait(60)
        wait_past_the_threshold()
        event = watch.first("pool")
        release.set()
    assert (1, 1, 1) == (event["limit"], event["busy"], event["queued"])
    assert event["oldest_ns"] >= THRESHOLD_NS
    assert event["workers"][0]["call"].endswith("stuck")


def test_anyios_limiter_is_a_pool(watch):
    """Calls that wait for a token are told under the limiter."""

    async def main():
        limiter = anyio.CapacityLimiter(1)
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(lambda: anyio.to_thread.run_sync(wait_past_the_threshold, limiter=limiter))

    asyncio.run(main())
    call = watch.first("poolcall")
    assert ("an anyio thread limiter", 1) == (call["pool"], call["n"])


def test_asgirefs_single_thread_is_named(watch, monkeypatch):
    """Synchronous Django code shares one thread: the pool says whose it is, and the call is the user's function."""
    monkeypatch.setattr(asgiref.sync.SyncToAsync, "single_thread_executor", ThreadPoolExecutor(1))

    async def main():
        call = asgiref.sync.sync_to_async(wait_past_the_threshold)
        await asyncio.gather(call(), call())

    asyncio.run(main())
    call = watch.first("poolcall")
    assert "asgiref's single thread" == call["pool"]
    assert call["call"].endswith("wait_past_the_threshold")


def test_the_site_is_the_nearest_caller_that_is_no_plumbing(watch):
    """Through to_thread the site is the coroutine that awaits it; of a bare task it is nobody rather than the loop's starter."""

    async def user():
        await asyncio.to_thread(print)

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1, thread_name_prefix="asyncio"))
        full = loop.run_in_executor(None, wait_past_the_threshold)
        await asyncio.gather(full, user(), asyncio.to_thread(sorted, ()))

    asyncio.run(main())
    sites = {call["call"]: call["site"] and call["site"][2].rpartition(".")[2] for call in watch.events("poolcall", 2)}
    assert {"print": "user", "sorted": None} == sites


def test_uninstall_restores_what_is_still_ours(watch):
    """Another tool's later patch stays; the rest is as before."""
    worker = executors._worker
    watch.pools.uninstall()
    restored = executors._worker
    watch.pools.install(watch.imports)
    patched = executors._WorkItem.run

    def others(item, *rest):
        return patched(item, *rest)

    executors._WorkItem.run = others
    watch.pools.uninstall()
    kept, executors._WorkItem.run = executors._WorkItem.run, executors._WorkItem.run
    assert worker is not restored
    assert others is kept
    assert executors._worker is restored


def test_a_kept_future_keeps_nothing_else(watch):
    """What ran is let go when it has run, although its future lives."""

    class Callable:
        def __call__(self):
            return None

    function = Callable()
    gone = weakref.ref(function)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(function)
        del function
    assert future.done()
    assert gone() is None


def test_a_hostile_callable_is_never_asked(watch):
    """No repr, no name, no class of the program's objects is looked at through their own code."""

    class Hostile:
        def __call__(self):
            wait_past_the_threshold()

        def __getattribute__(self, name):
            raise AssertionError(name)

        def __repr__(self):
            raise AssertionError

    with ThreadPoolExecutor(1) as pool:
        for _ in range(2):
            pool.submit(Hostile())
    assert watch.first("poolcall")["call"].endswith("Hostile")


def test_a_full_pool_of_the_bridge_is_told(watch):
    """The bridge counts for itself and knows no monitor: the probe asks it."""
    release, begun = threading.Event(), threading.Event()

    def hold():
        begun.set()
        release.wait(60)

    async def main():
        async with asyncio.TaskGroup() as group:
            pool = bridge.Pool("reports", 1)
            group.create_task(pool.run(hold))
            await asyncio.to_thread(begun.wait, 60)
            group.create_task(pool.run(print))
            await asyncio.sleep(THRESHOLD_NS * 3 / 1e9)
            told = watch.events("pool")
            release.set()
        return told

    (event,) = asyncio.run(main())
    assert ("reports", "bridge", 1, 1, 1) == tuple(event[key] for key in ("pool", "kind", "limit", "busy", "queued"))
    assert event["workers"][0]["call"].endswith("hold")
