"""Tracked locks: they are what they replace, and know who holds them."""

import _thread
import asyncio
import gc
import signal
import sys
import threading
import time

import pytest

from unjam.native import _core, _twin_locks
from unjam.probes import locks
from unjam.probes.locks import LockTracker, recorded_holder
from unjam.probes.patching import ImportWatch

TIERS = {"native": _core, "python": _twin_locks}


@pytest.fixture(params=TIERS)
def tier(request):
    """New locks of one tier are tracked for the time of a test: its types."""
    imports = ImportWatch()
    tracker = LockTracker(imports, request.param)
    tracker.install()
    yield TIERS[request.param]
    tracker.uninstall()
    imports.stop()


@pytest.fixture(params=["TrackedLock", "TrackedRLock"])
def kind(request, tier):
    """Both types of a tier."""
    return getattr(tier, request.param)


def test_a_holder_is_recorded_and_forgotten(kind):
    """While it is held the lock knows thread, line and time; afterwards nothing."""
    lock = kind()
    assert recorded_holder(lock) is None
    with lock:
        holder = recorded_holder(lock)
        assert holder.thread() is threading.current_thread()
        assert (holder.code.co_name, holder.task) == ("test_a_holder_is_recorded_and_forgotten", None)
    assert recorded_holder(lock) is None


def test_errors_are_those_of_the_original(tier):
    """Releasing what is free raises what it always raised, and the record is as before."""
    for lock, plain in ((tier.TrackedLock(), _thread.allocate_lock()), (tier.TrackedRLock(), _thread.RLock())):
        with pytest.raises(RuntimeError) as ours:
            lock.release()
        with pytest.raises(RuntimeError) as theirs:
            plain.release()
        assert str(ours.value) == str(theirs.value)


def test_waiting_and_time_outs_are_those_of_the_original(tier):
    """acquire() without blocking and with a time-out says no, and the holder stays who it was."""
    lock = tier.TrackedLock()
    with lock:
        before = recorded_holder(lock)
        assert (lock.acquire(blocking=False), lock.acquire(timeout=0.01), lock.locked()) == (False, False, True)
        assert recorded_holder(lock).since == before.since
    with pytest.raises(ValueError, match="timeout"):
        lock.acquire(blocking=False, timeout=1)


def test_an_rlock_is_forgotten_at_its_last_release(tier):
    """The holder stays while any level is left."""
    lock = tier.TrackedRLock()
    with lock:
        with lock:
            pass
        assert recorded_holder(lock) is not None
    assert recorded_holder(lock) is None


def test_a_condition_gives_the_lock_back_while_it_waits(kind):
    """Condition.wait releases and takes again; nobody is named meanwhile."""
    condition = threading.Condition(kind())
    waiting = threading.Event()
    seen = []

    def waiter():
        with condition:
            waiting.set()
            condition.wait()
            seen.append(recorded_holder(condition._lock).thread() is threading.current_thread())

    thread = threading.Thread(target=waiter)
    thread.start()
    waiting.wait()
    with condition:
        seen.append(recorded_holder(condition._lock).thread() is threading.current_thread())
        condition.notify()
    thread.join()
    assert seen == [True, True]
    assert recorded_holder(condition._lock) is None


def test_a_holder_that_has_ended_is_not_taken_for_its_successor(tier):
    """The record is the Thread object's: a new thread with the same ident is somebody else."""
    lock = threading.Lock()
    first = threading.Thread(target=lock.acquire)
    first.start()
    first.join()
    holder = recorded_holder(lock)
    assert holder.thread() is first
    del first
    gc.collect()
    assert holder.thread() is None


def test_asyncio_locks_record_their_task(tier):
    """An asyncio.Lock knows the task, also one that has ended."""

    async def main():
        lock = asyncio.Lock()
        await asyncio.create_task(lock.acquire(), name="leaker")
        free = recorded_holder(lock)
        lock.release()
        return free, recorded_holder(lock)

    holder, after = asyncio.run(main())
    assert (holder is not None, after) == (True, None)


def test_installing_is_undone(tier):
    """What was replaced is put back, and locks made meanwhile go on."""
    assert (threading.Lock, threading.RLock) == (tier.TrackedLock, tier.TrackedRLock)
    lock = threading.Lock()
    other = LockTracker(ImportWatch())
    other.install()
    other.uninstall()
    with lock:
        assert lock.locked()


def test_a_forked_child_has_free_locks(tier):
    """_at_fork_reinit does what the real one does."""
    lock, again = tier.TrackedLock(), tier.TrackedRLock()
    lock.acquire()
    again.acquire()
    lock._at_fork_reinit()
    again._at_fork_reinit()
    assert (lock.locked(), recorded_holder(lock), recorded_holder(again)) == (False, None, None)
    assert again.acquire(blocking=False)


def test_handlers_and_finalizers_may_take_the_lock_again(tier):
    """A signal or a collection anywhere in acquire() and release() may use the same locks: nobody hangs, no record is left."""
    again, once = threading.RLock(), threading.Lock()
    entered = {"handler": 0, "finalizer": 0}

    def take(who):
        with again:
            entered[who] += 1
        if once.acquire(blocking=False):
            once.release()

    class Finalized:
        def __init__(self):
            self.cycle = self

        def __del__(self):
            take("finalizer")

    before, thresholds = signal.signal(signal.SIGALRM, lambda *_: take("handler")), gc.get_threshold()
    gc.set_threshold(3)
    signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
    try:
        end = time.monotonic() + 30
        while min(entered.values()) < 200 and time.monotonic() < end:
            Finalized()
            with again, again, once:
                assert recorded_holder(again).thread() is threading.current_thread()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.set_threshold(*thresholds)
    assert min(entered.values()) >= 200
    assert (recorded_holder(again), recorded_holder(once), again.depth, once.locked()) == (None, None, 0, False)


def test_a_thread_that_threading_does_not_know_leaves_no_trace(tier):
    """current_thread() would invent a Thread for it: that is not done."""
    lock, done = tier.TrackedLock(), _thread.allocate_lock()
    done.acquire()
    before = set(threading._active)

    def take():
        lock.acquire()
        done.release()

    _thread.start_new_thread(take, ())
    done.acquire()
    assert (recorded_holder(lock).thread, set(threading._active) - before) == (None, set())
    assert locks.inner_lock(lock).locked()


def test_the_task_and_the_line_are_recorded(tier):
    """A lock that a task takes knows it, on any tier; the line is that of who takes it, not of the library below."""

    async def main():
        lock = threading.Condition(threading.Lock())
        with lock:
            return asyncio.current_task(), recorded_holder(lock._lock)

    task, holder = asyncio.run(main())
    assert (holder.task(), holder.code.co_name) == (task, "main")


def test_another_thread_gives_a_lock_back(tier):
    """A Lock may be released by whoever likes; an RLock by its holder only, and the record stays his."""
    once, again = threading.Lock(), threading.RLock()
    failed = []

    def other():
        once.release()
        try:
            again.release()
        except RuntimeError as error:
            failed.append(error)

    with again:
        once.acquire()
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert (recorded_holder(once), len(failed)) == (None, 1)
        assert recorded_holder(again).thread() is threading.current_thread()


def test_no_bytecode_runs_between_taking_and_returning():
    """The C core's locks call no Python: a signal handler runs before all of it or after."""
    called = []
    for make in (_core.TrackedLock, _core.TrackedRLock):
        lock = make()
        sys.setprofile(lambda frame, event, _: called.append(frame.f_code.co_name) if event == "call" else None)
        try:
            with lock:
                pass
            lock.acquire()
            lock.release()
        finally:
            sys.setprofile(None)
    assert called == []


INTERRUPTIONS = 2000


class Interrupted(BaseException):
    """What the handler raises."""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="CPython 3.14 leaves real locks taken as well")
def test_an_exception_of_a_signal_handler_leaves_no_lock_taken():
    """Ctrl-C anywhere around a `with` leaves a lock of the C core as it would leave a real one: free."""

    def interrupt(*_):
        raise Interrupted

    left, interrupted = 0, 0
    locks_of_core = (_core.TrackedLock(), _core.TrackedRLock())
    before = signal.signal(signal.SIGALRM, interrupt)
    gc.disable()  # what a handler raises within a callback of the collector goes nowhere
    try:
        while interrupted < INTERRUPTIONS:
            lock = locks_of_core[interrupted % 2]
            try:
                signal.setitimer(signal.ITIMER_REAL, 2e-5)
                for _ in range(300_000):
                    with lock:
                        pass
                # Now and then the timer of a process with several threads comes when that enters the kernel only (Linux 6.18).
                signal.setitimer(signal.ITIMER_REAL, 0)
                time.sleep(0.001)
            except Interrupted:
                interrupted += 1
            left += lock.holder is not None
            left += not lock.acquire(blocking=False) or lock.depth != 1
            lock.release()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    assert left == 0


def test_an_interrupted_wait_takes_nothing(tier):
    """A handler that raises while its thread waits for the lock ends the wait, and the holder stays who it was."""

    def interrupt(*_):
        raise Interrupted

    lock, taken, done = threading.Lock(), threading.Event(), threading.Event()

    def hold():
        with lock:
            taken.set()
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait(60)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(Interrupted):
            lock.acquire()
        assert recorded_holder(lock).thread() is holder
    finally:
        signal.signal(signal.SIGALRM, before)
        done.set()
        holder.join()
    assert (lock.locked(), recorded_holder(lock)) == (False, None)
