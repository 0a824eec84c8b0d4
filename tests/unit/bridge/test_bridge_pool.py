import asyncio
import contextlib
import contextvars
import gc
import inspect
import os
import pickle
import threading
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import pytest

from unjam.bridge import Channel, Pool, cancelled, pools, workqueue
from unjam.errors import PoolClosed, PoolFull, QueueTimeout, UsageError

VAR = contextvars.ContextVar("VAR", default="unset")


class Gate:
    """A function that runs until it is let go, and keeps count of itself."""

    def __init__(self):
        self._lock = threading.Lock()
        self.go = threading.Event()
        self.started = self.running = self.peak = self.ended = 0

    def __call__(self, outcome=None):
        with self._lock:
            self.started += 1
            self.running += 1
            self.peak = max(self.peak, self.running)
        assert self.go.wait(60)
        with self._lock:
            self.running -= 1
            self.ended += 1
        return outcome


def raises(exc):
    raise exc


def test_arguments_go_in_and_the_result_comes_out(run):
    """run(fn, *args, **kwargs) is fn(*args, **kwargs), in another thread."""

    async def main():
        pool = Pool("p", 2)
        return await pool.run(lambda *a, **k: (a, k, threading.get_ident()), 1, two=2)

    args, kwargs, ident = run(main())
    assert (args, kwargs) == ((1,), {"two": 2})
    assert ident != threading.get_ident()


def test_an_exception_arrives_whole(run):
    """The caller gets the very object, with the frames of the function."""
    error = ValueError("mine")

    async def main():
        with pytest.raises(ValueError, match="mine") as caught:
            await Pool("p").run(raises, error)
        return caught.value

    got = run(main())
    assert got is error
    assert "raises" in [frame.name for frame in traceback.extract_tb(got.__traceback__)]


@pytest.mark.parametrize("error", [StopIteration(7), type("Mine", (StopIteration,), {})(), GeneratorExit()])
def test_stop_iteration_becomes_a_runtime_error(run, error):
    """PEP 479 holds for functions in threads too: neither it nor GeneratorExit reaches a coroutine bare, or hangs it."""

    async def main():
        with pytest.raises(RuntimeError) as caught:
            await Pool("p").run(raises, error)
        return caught.value.__cause__

    assert run(main()) is error


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_what_ends_programs_goes_to_the_caller(run, error):
    """SystemExit and kin are raised where the call is awaited, and the thread lives on."""

    async def main():
        pool = Pool("p", 1)
        caught = None
        try:
            await pool.run(raises, error)
        except BaseException as exc:
            caught = exc
        return caught, await pool.run(lambda: "alive")

    assert (error, "alive") == run(main())


def test_contextvars_go_down_and_stay_there(run):
    """The function sees the caller's values; what it sets is its own."""

    async def main():
        VAR.set("caller")
        seen = await Pool("p").run(lambda: (VAR.get(), VAR.set("thread"))[0])
        return seen, VAR.get()

    assert run(main()) == ("caller", "caller")


@pytest.mark.parametrize("fails", [False, True])
def test_contextvars_come_back_on_request(run, fails):
    """context_back sets what the function set, also when it raises."""

    def work():
        VAR.set("thread")
        if fails:
            raise KeyError

    async def main():
        VAR.set("caller")
        with contextlib.suppress(KeyError):
            await Pool("p").options(context_back=True).run(work)
        return VAR.get()

    assert run(main()) == "thread"


def test_a_cancelled_call_keeps_its_slot(run, until):
    """A slot is free when the thread has ended, not when the caller has gone: ten cancelled calls, never three threads."""
    gate = Gate()

    async def main():
        pool = Pool("p", 2)
        for number in range(10):
            task = asyncio.create_task(pool.run(gate))
            await until(lambda number=number: gate.started == min(number + 1, 2))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        abandoned = pool.stats().abandoned
        gate.go.set()
        await until(lambda: gate.ended == 2)
        assert await pool.run(lambda: "free") == "free"
        return abandoned, gate.started, gate.peak

    assert run(main()) == (2, 2, 2)


def test_a_call_cancelled_in_the_queue_never_starts(run, until):
    """Whoever leaves the queue leaves it for good."""
    gate, ran = Gate(), []

    async def main():
        pool = Pool("p", 1)
        holder = asyncio.create_task(pool.run(gate))
        await until(lambda: gate.started)
        queued = [asyncio.create_task(pool.run(ran.append, n)) for n in range(5)]
        await asyncio.sleep(0)
        for task in queued[::2]:
            task.cancel()
        await asyncio.wait(queued[::2])
        gate.go.set()
        await holder
        await asyncio.wait(queued)
        return pool.stats()

    stats = run(main())
    assert ran == [1, 3]
    assert (stats.withdrawn, stats.queued) == (3, 0)


def test_a_swept_queue_keeps_the_living(run, until):
    """A stuck pool with impatient callers forgets them and loses nobody else."""
    gate, ran = Gate(), []

    async def main():
        pool = Pool("p", 1)
        holder = asyncio.create_task(pool.run(gate))
        await until(lambda: gate.started)
        patient = [asyncio.create_task(pool.run(ran.append, n)) for n in range(3)]
        await asyncio.sleep(0)
        impatient = [asyncio.create_task(pool.run(ran.append, -1)) for _ in range(3000)]
        await asyncio.sleep(0)
        for task in impatient:
            task.cancel()
        await asyncio.wait(impatient)
        left = len(pool._bulkhead.queue.items)
        gate.go.set()
        await asyncio.gather(holder, *patient)
        return left

    assert run(main()) < 1500
    assert ran == [0, 1, 2]


def test_the_run_timeout_counts_from_the_start(run, until, clock, hurry):
    """Time in the queue is no run time: a call that queues for longer than its timeout still runs."""
    gate = Gate()

    async def main():
        pool = Pool("p", 1)
        holder = asyncio.create_task(pool.run(gate))
        await until(lambda: gate.started)
        queued = asyncio.create_task(pool.options(timeout=0.02).run(lambda: "ran"))
        await asyncio.sleep(0)
        over = hurry()
        clock[0] += 10**9
        await until(lambda: over)
        gate.go.set()
        await holder
        return await queued

    assert run(main()) == "ran"


def test_the_run_timeout_ends_the_wait_and_not_the_slot(run, until):
    """The caller gets TimeoutError, cancelled() turns true in the thread, and the slot stays taken till the end."""
    told = []

    def work(go):
        while not cancelled():
            go.wait(0.001)
        told.append("told")
        go.wait(60)

    async def main():
        pool, go = Pool("p", 1), threading.Event()
        with pytest.raises(TimeoutError, match=r"work ran longer than 0\.05 s in pool 'p'"):
            await pool.options(timeout=0.05).run(work, go)
        await until(lambda: told)
        busy = pool.stats().busy
        go.set()
        await pool.run(lambda: None)
        return busy

    assert run(main()) == 1
    assert cancelled() is False


def test_the_queue_timeout_counts_from_the_submission(run, until):
    """A call that no thread takes in time ends with QueueTimeout, which is a PoolFull and a TimeoutError, and never starts."""
    gate, ran = Gate(), []

    async def main():
        pool = Pool("p", 1)
        holder = asyncio.create_task(pool.run(gate))
        await until(lambda: gate.started)
        with pytest.raises(QueueTimeout, match="pool 'p'") as caught:
            await pool.options(queue_timeout=0.02).run(ran.append, 1)
        gate.go.set()
        await holder
        in_time = await pool.options(queue_timeout=60).run(lambda: "in time")
        return caught.value, in_time

    error, in_time = run(main())
    assert isinstance(error, PoolFull)
    assert isinstance(error, TimeoutError)
    assert (ran, in_time) == ([], "in time")


@pytest.mark.parametrize("cancels", [1, 3])
def test_on_cancel_wait_outlives_the_thread(run, until, cancels):
    """The caller goes on when the thread has ended, however often it is cancelled, and is cancelled then."""
    gate = Gate()

    async def main():
        pool = Pool("p", 1)
        task = asyncio.create_task(pool.options(on_cancel="wait").run(gate))
        await until(lambda: gate.started)
        for _ in range(cancels):
            task.cancel()
            await asyncio.sleep(0.01)
        waiting = not task.done()
        gate.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return waiting, gate.ended

    assert run(main()) == (True, 1)


def test_on_cancel_callable_asks_the_function_to_stop(run, until):
    """The callable is called once, off the loop, and the caller waits for the thread that it stops."""
    gate, asked = Gate(), []

    def stop():
        asked.append(threading.get_ident())
        gate.go.set()

    async def main():
        task = asyncio.create_task(Pool("p").options(on_cancel=stop).run(gate))
        await until(lambda: gate.started)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return gate.ended

    assert run(main()) == 1
    assert [ident != threading.get_ident() for ident in asked] == [True]


def test_a_timeout_with_wait_is_raised_at_the_end(run, until):
    """timeout and on_cancel="wait" together: TimeoutError, though the function came to an end."""
    gate = Gate()

    async def main():
        pool = Pool("p")
        task = asyncio.create_task(pool.options(timeout=0.01, on_cancel="wait").run(gate, "late"))
        await until(lambda: pool.stats().abandoned)
        waiting = not task.done()
        gate.go.set()
        with pytest.raises(TimeoutError):
            await task
        return waiting

    assert run(main())


def test_a_full_pool_refuses_at_once(run, until):
    """limit calls run, max_queue wait, the next one gets PoolFull; when one has ended there is room again."""
    gate = Gate()

    async def main():
        pool = Pool("p", 2, max_queue=1)
        inside = [asyncio.create_task(pool.run(gate)) for _ in range(3)]
        await until(lambda: gate.started == 2)
        with pytest.raises(PoolFull, match="pool 'p' is full: limit 2, 3 calls"):
            await pool.run(gate)
        inside[2].cancel()
        await asyncio.wait(inside[2:])
        again = asyncio.create_task(pool.run(gate, "again"))
        await asyncio.sleep(0)
        gate.go.set()
        return await again, pool.stats().rejected

    assert run(main()) == ("again", 1)


def test_the_bound_holds_between_loops(until):
    """Loops in different threads share one bound: of 64 calls at once, exactly limit + max_queue get in."""
    gate, pool = Gate(), Pool("p", 2, max_queue=3)
    barrier = threading.Barrier(8)

    async def several():
        results = asyncio.gather(*[pool.run(gate, "in") for _ in range(8)], return_exceptions=True)
        await asyncio.sleep(0)
        barrier.wait(60)
        await until(lambda: gate.started >= 2)
        gate.go.set()
        return await results

    with ThreadPoolExecutor(8) as threads:
        outcomes = [
            x for future in [threads.submit(asyncio.run, several()) for _ in range(8)] for x in future.result(60)
        ]
    assert (outcomes.count("in"), sum(isinstance(x, PoolFull) for x in outcomes)) == (5, 59)
    assert gate.peak == 2


def test_views_share_the_bound_and_keep_what_they_were_given(run, until):
    """options() changes what it names and nothing else; all views queue for the same threads."""
    gate = Gate()

    async def main():
        pool = Pool("p", 1)
        view = pool.options(queue_timeout=0.02).options(on_cancel="wait")
        holder = asyncio.create_task(pool.run(gate))
        await until(lambda: gate.started)
        with pytest.raises(QueueTimeout):
            await view.run(gate)
        gate.go.set()
        await holder

    run(main())
    assert gate.started == 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Pool("p", 0),
        lambda: Pool("p", max_queue=-1),
        lambda: Pool("p").options(timeout=0),
        lambda: Pool("p").options(queue_timeout=-1),
        lambda: Pool("p").options(on_cancel="explode"),
        lambda: Pool("p").options(on_cancel="kill"),
        lambda: Pool("p", kind="process").options(context_back=True),
        lambda: Pool("p", kind="process").aiter([]),
        lambda: Pool("p").aiter([], max_items=0),
        lambda: Pool("p", 2.5),
        lambda: Pool("p", "4"),
        lambda: Pool("p", max_queue=1.5),
        lambda: Pool("p", kind="threads"),
        lambda: Channel(2.0),
        lambda: Pool("p").options(on_cancel=asyncio.sleep),
        lambda: Pool("p").options(on_cancel=partial(asyncio.sleep, 1)),
        lambda: Pool("p").wrap(asyncio.sleep),
    ],
)
def test_nonsense_is_refused_at_the_door(wrong):
    """What cannot be meant is a UsageError where it is written."""
    with pytest.raises(UsageError):
        wrong()


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_a_coroutine_function_is_refused(run, recwarn, kind):
    """Nothing of it would run in a thread. A function that gives a coroutine on purpose may do so."""

    async def main():
        pool = Pool("p", 1, kind=kind)
        for view in (pool, pool.options(timeout=60)):
            with pytest.raises(UsageError, match=r"await sleep\(...\) on the loop"):
                await view.run(asyncio.sleep, 1)
        return await (await pool.run(lambda: asyncio.sleep(0, "slept"))) if kind == "thread" else "slept"

    assert run(main()) == "slept"
    assert list(recwarn) == []


@pytest.mark.parametrize(
    "error", [QueueTimeout("db", 0.5, 4), PoolClosed("db")], ids=lambda error: type(error).__name__
)
def test_an_error_of_a_pool_travels(error):
    """It comes out of another process as it went in, with what it was made of and with its notes."""
    error.add_note("noted")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_an_exception_with_ways_of_its_own_comes_out(run):
    """The thread and the slot outlive one that refuses to be given a traceback."""

    class Own(Exception):
        def with_traceback(self, _):
            raise ZeroDivisionError

    def fails():
        raise Own

    async def main():
        pool = Pool("p", 1)
        with pytest.raises(Own):
            await pool.run(fails)
        return await pool.run(lambda: "free")

    assert run(main()) == "free"


def test_wrap_makes_a_coroutine_function_of_the_same_name(run):
    """A wrapped function looks like the one it wraps and is awaited."""
    pool = Pool("p")

    @pool.wrap
    def load(uid: int, *, deep: bool = False) -> tuple[int, bool]:
        """Load it."""
        return uid, deep

    assert inspect.iscoroutinefunction(load)
    assert (load.__name__, load.__doc__) == ("load", "Load it.")
    assert str(inspect.signature(load)) == "(uid: int, *, deep: bool = False) -> tuple[int, bool]"
    assert run(load(3, deep=True)) == (3, True)


def test_one_caller_needs_one_thread(run):
    """Threads are made when there is work for them, and no sooner."""

    async def main():
        pool = Pool("p", 8)
        return {await pool.run(threading.get_ident) for _ in range(50)}

    assert len(run(main())) == 1


def test_all_slots_are_used(run, until):
    """limit calls run at the same time, each in its thread."""

    async def main():
        barrier = threading.Barrier(6)
        pool = Pool("p", 6)
        return await asyncio.gather(*[pool.run(barrier.wait, 60) for _ in range(6)])

    assert sorted(run(main())) == [0, 1, 2, 3, 4, 5]


def test_aclose_lets_the_work_finish(run, until):
    """aclose waits for what is in, then nothing more gets in and nothing is stuck."""
    gate, ran = Gate(), []

    async def main():
        pool = Pool("p", 1)
        calls = [asyncio.create_task(pool.run(gate)), asyncio.create_task(pool.run(ran.append, 1))]
        await until(lambda: gate.started)
        closing = asyncio.create_task(pool.aclose(60))
        await asyncio.sleep(0)
        gate.go.set()
        stuck = await closing
        await asyncio.gather(*calls)
        with pytest.raises(PoolClosed, match="'p'"):
            await pool.run(ran.append, 2)
        return stuck, await pool.aclose(60)

    assert run(main()) == ([], [])
    assert ran == [1]


def test_aclose_names_what_is_stuck(run, until):
    """What still runs after the timeout is named with its line and stack; what never began ends with PoolClosed."""
    gate = Gate()

    def stuck_here():
        gate()

    async def main():
        pool = Pool("p", 1)
        running = asyncio.create_task(pool.run(stuck_here))
        await until(lambda: gate.started)
        queued = asyncio.create_task(pool.run(gate))
        await asyncio.sleep(0)
        stuck = await pool.aclose(0.02)
        with pytest.raises(PoolClosed):
            await queued
        gate.go.set()
        await running
        return stuck

    [call] = run(main())
    line = inspect.getsourcelines(stuck_here)[1] + 1
    assert (stuck_here.__qualname__, __file__, line, False) == (call.call, call.file, call.line, call.abandoned)
    assert [name.split()[-1] for name in call.stack[:2]] == [stuck_here.__qualname__, "Gate.__call__"]
    assert str(call).endswith(f"test_bridge_pool.py:{line}")
    assert gate.started == 1


def test_stats_count_what_there_is(run, until):
    """busy, queued, the oldest wait and the two histograms are those of the calls made."""
    gate = Gate()

    async def main():
        pool = Pool("db", 2, stuck_after=1e-9)
        empty = pool.stats()
        tasks = [asyncio.create_task(pool.run(gate)) for _ in range(5)]
        await until(lambda: gate.started == 2)
        full = pool.stats()
        gate.go.set()
        await asyncio.gather(*tasks)
        await until(lambda: not pool.stats().busy)
        return empty, full, pool.stats()

    empty, full, after = run(main())
    assert (
        empty.busy, empty.queued, empty.oldest_wait, empty.oldest, empty.run.count, empty.run.quantile(0.5),
    ) == (0, 0, None, None, 0, None)  # fmt: skip
    assert (full.name, full.kind, full.limit, full.busy, full.queued, len(full.stuck)) == ("db", "thread", 2, 2, 3, 2)
    assert full.oldest_wait > 0
    assert full.oldest.seconds >= full.calls[1].seconds > 0
    assert (after.wait.count, after.run.count) == (5, 5)
    assert 0 < after.wait.quantile(0.0) <= after.wait.quantile(0.99)


def test_a_partial_is_named_by_its_function(run, until):
    """Names are those of the user's functions, whatever carries them."""
    gate = Gate()

    async def main():
        pool = Pool("p")
        task = asyncio.create_task(pool.run(partial(partial(gate.__call__, "x"))))
        await until(lambda: gate.started)
        name = pool.stats().oldest.call
        gate.go.set()
        await task
        return name

    assert run(main()) == "Gate.__call__"


def test_the_hook_hears_of_the_rare_things(run, until, clock):
    """on_event gets stuck, timeout, queue-timeout, abandoned and rejected, once each, and its errors harm nobody."""
    gate, heard, errors = Gate(), [], []

    def hook(event):
        heard.append((event.kind, event.pool, event.call))
        raise ZeroDivisionError

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
        pool = Pool("p", 1, max_queue=1, stuck_after=0.03, on_event=hook)
        late = asyncio.create_task(pool.options(timeout=0.01).run(gate))
        await until(lambda: gate.started)
        clock[0] += 10**9
        with pytest.raises(TimeoutError):
            await late
        with pytest.raises(QueueTimeout):
            await pool.options(queue_timeout=0.01).run(gate)
        queued = asyncio.create_task(pool.run(gate, "fine"))
        await asyncio.sleep(0)
        with pytest.raises(PoolFull):
            await pool.run(gate)
        await until(lambda: ("stuck", "p", "Gate") in heard)
        gate.go.set()
        fine = await queued
        other = Gate()
        task = asyncio.create_task(pool.run(other))
        await until(lambda: other.started)
        task.cancel()
        await asyncio.wait([task])
        other.go.set()
        return fine

    assert run(main()) == "fine"
    assert sorted(kind for kind, _, _ in heard) == ["abandoned", "queue-timeout", "rejected", "stuck", "timeout"]
    assert {ZeroDivisionError} == {type(error) for error in errors}


def test_every_live_pool_is_seen_and_no_dead_one(run, until):
    """pools() shows a pool from its making to its collection, and its threads end with it."""

    async def main():
        pool = Pool("short-lived", 2)
        await pool.run(lambda: None)
        seen = [stats.name for stats in pools()]
        del pool

        def ended():
            gc.collect()  # each time: a thread may keep its pool a moment longer than its last call
            return not [t for t in threading.enumerate() if t.name.startswith("short-lived")]

        await until(ended)
        return seen, [stats.name for stats in pools()]

    during, after = run(main())
    assert "short-lived" in during
    assert "short-lived" not in after


def test_one_pool_serves_many_loops():
    """Loops in several threads, and one after the other, share a pool and get their own results."""
    pool = Pool("p", 3)

    async def squares(base):
        return await asyncio.gather(*[pool.run(pow, base + n, 2) for n in range(100)])

    with ThreadPoolExecutor(4) as threads:
        for _ in range(2):
            futures = [threads.submit(asyncio.run, squares(base)) for base in (0, 1000, 2000, 3000)]
            for base, future in zip((0, 1000, 2000, 3000), futures, strict=True):
                assert [(base + n) ** 2 for n in range(100)] == future.result(60)


def test_a_result_for_a_closed_loop_harms_nobody(until):
    """A thread that outlives its caller's loop ends quietly and serves the next."""
    gate, pool = Gate(), Pool("p", 1)

    async def leaves():
        task = asyncio.create_task(pool.run(gate))
        await until(lambda: gate.started)
        return task

    asyncio.run(leaves())
    gate.go.set()
    assert asyncio.run(pool.run(lambda: "served")) == "served"


@pytest.mark.parametrize("options", [{}, {"timeout": 20.0, "queue_timeout": 20.0}, {"on_cancel": "wait"}])
def test_cancellation_at_every_await(run, options):
    """Cancelled after any number of turns, a call either ran to its end or never began, and its slot is free again."""

    async def main():
        pool = Pool("p", 1)
        for turns in range(12):
            ran = []
            task = asyncio.create_task(
                pool.options(**options).run(lambda ran=ran: ran.append("began") or ran.append("ended"))
            )
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert await pool.run(lambda: "free") == "free"
            assert ran in ([], ["began", "ended"])
        assert (len(pool._bulkhead.live), len(pool._bulkhead.waiting)) == (0, 0)

    run(main())


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open descriptors are counted in /proc")
def test_loops_that_come_and_go_leave_no_descriptors(monkeypatch):
    """What wakes a loop is closed with it, however many loops a program has."""
    monkeypatch.setattr(workqueue, "TRAFFIC", SimpleNamespace(alone=False))  # no descriptor for the pool's thread
    pool = Pool("p", 1)

    def open_descriptors():
        asyncio.run(pool.run(lambda: None))
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    before = open_descriptors()
    for _ in range(30):
        asyncio.run(pool.run(lambda: None))
    assert open_descriptors() <= before


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_is_dropped_unclosed_is_collected(run):
    """The bridge does not keep it, nor what wakes it."""
    pool, kept = Pool("p", 1), []
    for _ in range(3):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(pool.run(lambda: None))
        kept += [weakref.ref(loop), weakref.ref(loop.unjam_port)]
    del loop
    run(pool.run(lambda: None))
    gc.collect()
    assert [ref() for ref in kept] == [None] * 6


def test_a_machine_without_threads_is_an_error_and_no_leak(run, monkeypatch):
    """Where not even one thread can be had, the call gets the RuntimeError and the pool is as before."""

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    async def main():
        pool = Pool("p", 1, max_queue=0)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError, match="new thread"):
                await pool.run(int)
        return await pool.run(int)

    assert run(main()) == 0
