"""Laws of the pools probe: who queued, what held the workers, and nobody else."""

import asyncio
import concurrent.futures.thread as executors
import socket
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.to_thread
import asgiref.sync

from unjam.probes import pool_state
from unjam.probes.pool_state import Depth, Job, PoolState

THRESHOLD_NS = 20_000_000


def wait_past_the_threshold():
    threading.Event().wait(THRESHOLD_NS * 3 / 1e9)


def test_calls_behind_a_full_pool_are_told(watch):
    """What queued for the threshold behind busy workers is told with its name, its site and who held the workers."""
    with ThreadPoolExecutor(1, thread_name_prefix="narrow") as pool:
        begun = time.monotonic_ns()
        pool.submit(wait_past_the_threshold)
        pool.submit(socket.getaddrinfo, "127.0.0.1", 80)
    call = watch.first("poolcall")
    assert ("narrow", "socket.getaddrinfo", 1) == (call["pool"], call["call"], call["n"])
    assert [__file__, "test_calls_behind_a_full_pool_are_told"] == [call["site"][0], call["site"][2]]
    assert call["queued_ns"] >= THRESHOLD_NS
    told = watch.first("pool")
    assert begun <= told["since"] <= told["t"] - THRESHOLD_NS
    held = [occupant["call"] for occupant in told["held"]]
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


def test_who_takes_the_last_free_worker_did_not_wait_for_it():
    """A new worker's thread may start late on a busy machine: its call filled the pool, and did not find it full."""
    state = PoolState("pool", "executor", limit=2, threshold_ns=THRESHOLD_NS)
    jobs = [Job(print, None), Job(print, None)]
    for ident, job in enumerate(jobs):
        job.submitted -= 10 * THRESHOLD_NS
        state.started(job, ident)
    for ident, job in enumerate(jobs):
        job.started -= 5 * THRESHOLD_NS
        state.ended(job, ident)
    assert [] == state.events(Depth(queued=0, oldest=0), {})


def occupants(state):
    return [held["call"] for event in state.events(Depth(queued=0, oldest=0), {}) for held in event.get("held", ())]


def test_a_holder_is_told_with_those_who_waited_for_it():
    """The one is counted at its end, the other at its own, maybe a look later; what had ended before is no holder of theirs."""
    state = PoolState("pool", "executor", limit=1, threshold_ns=THRESHOLD_NS)
    state.note(len, None, 0, THRESHOLD_NS)
    for tally in state.held.values():
        tally.last -= 5 * THRESHOLD_NS
    state.note(sorted, None, 0, THRESHOLD_NS)
    assert [] == occupants(state)
    state.note(print, None, 2 * THRESHOLD_NS, 0)
    assert ["sorted", "print"] == occupants(state)
    assert [] == occupants(state)


def test_a_call_is_counted_and_taken_as_a_whole(monkeypatch):
    """Between two steps of counting, another thread finds the tallies locked: else it would take a part, and the rest be lost."""
    state = PoolState("pool", "executor", limit=1, threshold_ns=THRESHOLD_NS)
    make, found = pool_state._tally, []

    def look():
        found.append(state._lock.acquire(blocking=False))

    def interrupted(tallies, key):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        return make(tallies, key)

    monkeypatch.setattr(pool_state, "_tally", interrupted)
    state.note(print, None, 2 * THRESHOLD_NS, THRESHOLD_NS)
    state.gave_up(print, None, 2 * THRESHOLD_NS)
    assert [False, False, False] == found
    pool, call = state.events(Depth(queued=0, oldest=0), {})
    assert (2, ["print"]) == (call["n"], [held["call"] for held in pool["held"]])


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
