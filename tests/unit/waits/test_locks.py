"""Tracked locks: they are what they replace, and know who holds them."""

import asyncio
import gc
import signal
import threading
import time

import pytest

from unjam.probes import locks
from unjam.probes.locks import LockTracker, TrackedLock, TrackedRLock, recorded_holder
from unjam.probes.patching import ImportWatch


@pytest.fixture
def tracked():
    """New locks are tracked for the time of a test."""
    imports = ImportWatch()
    tracker = LockTracker(imports)
    tracker.install()
    yield
    tracker.uninstall()
    imports.stop()


@pytest.mark.parametrize("kind", [TrackedLock, TrackedRLock])
def test_a_holder_is_recorded_and_forgotten(kind):
    """While it is held the lock knows thread, line and time; afterwards nothing."""
    lock = kind()
    assert recorded_holder(lock) is None
    with lock:
        holder = recorded_holder(lock)
        assert holder.thread() is threading.current_thread()
        assert (holder.code.co_name, holder.task) == ("test_a_holder_is_recorded_and_forgotten", None)
    assert recorded_holder(lock) is None


def test_errors_are_those_of_the_original():
    """Releasing what is free raises what it always raised, and the record is as before."""
    for lock, plain in ((TrackedLock(), threading.Lock()), (TrackedRLock(), threading.RLock())):
        with pytest.raises(RuntimeError) as ours:
            lock.release()
        with pytest.raises(RuntimeError) as theirs:
            plain.release()
        assert str(ours.value) == str(theirs.value)


def test_waiting_and_time_outs_are_those_of_the_original():
    """acquire() without blocking and with a time-out says no, and the holder stays who it was."""
    lock = TrackedLock()
    with lock:
        before = recorded_holder(lock)
        assert (lock.acquire(blocking=False), lock.acquire(timeout=0.01), lock.locked()) == (False, False, True)
        assert recorded_holder(lock) is before
    with pytest.raises(ValueError, match="timeout"):
        lock.acquire(blocking=False, timeout=1)


def test_an_rlock_is_forgotten_at_its_last_release():
    """The holder stays while any level is left."""
    lock = TrackedRLock()
    with lock:
        with lock:
            pass
        assert recorded_holder(lock) is not None
    assert recorded_holder(lock) is None


@pytest.mark.parametrize("kind", [TrackedLock, TrackedRLock])
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


def test_a_holder_that_has_ended_is_not_taken_for_its_successor(tracked):
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


def test_asyncio_locks_record_their_task(tracked):
    """An asyncio.Lock knows the task, also one that has ended."""

    async def main():
        lock = asyncio.Lock()
        await asyncio.create_task(lock.acquire(), name="leaker")
        free = recorded_holder(lock)
        lock.release()
        return free, recorded_holder(lock)

    holder, after = asyncio.run(main())
    assert (holder is not None, after) == (True, None)


def test_installing_is_undone(tracked):
    """What was replaced is put back, and locks made meanwhile go on."""
    assert (threading.Lock, threading.RLock) == (TrackedLock, TrackedRLock)
    lock = threading.Lock()
    other = LockTracker(ImportWatch())
    other.install()
    other.uninstall()
    with lock:
        assert lock.locked()


def test_a_forked_child_has_free_locks():
    """_at_fork_reinit does what the real one does."""
    lock, again = TrackedLock(), TrackedRLock()
    lock.acquire()
    again.acquire()
    lock._at_fork_reinit()
    again._at_fork_reinit()
    assert (lock.locked(), recorded_holder(lock), recorded_holder(again)) == (False, None, None)
    assert again.acquire(blocking=False)


def test_handlers_and_finalizers_may_take_the_lock_again(tracked):
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


def test_a_thread_that_threading_does_not_know_leaves_no_trace():
    """current_thread() would invent a Thread for it: that is not done."""
    import _thread

    lock, done = TrackedLock(), _thread.allocate_lock()
    done.acquire()
    before = set(threading._active)

    def take():
        lock.acquire()
        done.release()

    _thread.start_new_thread(take, ())
    done.acquire()
    assert (recorded_holder(lock).thread, set(threading._active) - before) == (None, set())
    assert locks.inner_lock(lock).locked()
