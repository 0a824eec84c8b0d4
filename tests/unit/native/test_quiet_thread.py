"""Threads of our own: started again, they neither lose a beginning nor have anybody wait for them."""

import os
import threading

import pytest

from unjam.native.quiet_thread import QuietThread, other_threads


def test_started_again_before_its_last_run_has_ended():
    """A fork that has waited long enough goes on: the next run begins when the last has ended, and the two never at once."""
    log, entered, go_on = [], threading.Semaphore(0), threading.Semaphore(0)

    def work():
        log.append("begins")
        entered.release()
        assert go_on.acquire(timeout=60)
        log.append("ends")

    thread = QuietThread(work)
    thread.start()
    assert entered.acquire(timeout=60)
    assert not thread.join(0.0)
    thread.start()  # returns at once
    assert log == ["begins"]
    go_on.release()
    assert entered.acquire(timeout=60)
    assert log == ["begins", "ends", "begins"]
    go_on.release()
    assert thread.join(60)
    assert log == ["begins", "ends"] * 2


def test_a_thread_that_could_not_be_started_may_be_tried_again(monkeypatch):
    """Out of threads: what was to start it is told, and the next try begins as if that one had not been."""

    def refuse(*_):
        raise RuntimeError("can't start new thread")

    ran = threading.Event()
    thread = QuietThread(ran.set)
    with monkeypatch.context() as patch:
        patch.setattr("unjam.native.quiet_thread.start_new_thread", refuse)
        with pytest.raises(RuntimeError, match="start"):
            thread.start()
    assert thread.join(0.0)
    thread.start()
    assert ran.wait(60)
    assert thread.join(60)


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs Linux's list of threads")
def test_it_is_gone_once_joined():
    """Also for the system, which counts it for a moment longer than the interpreter."""
    numbers = []
    thread = QuietThread(lambda: numbers.append(str(threading.get_native_id())))
    for _ in range(50):
        thread.start()
        assert thread.join(60)
        assert numbers.pop() not in os.listdir("/proc/self/task")


def test_it_is_held_where_it_rests_and_not_where_it_works():
    """Who forks waits for a thread that works, and not for one that rests: that one goes on when it is let go."""
    log, works, go_on, rests, comes = [], *(threading.Semaphore(0) for _ in range(4))

    def work():
        works.release()
        assert go_on.acquire(timeout=60)
        with thread.at_rest:
            rests.release()
            assert comes.acquire(timeout=60)
        log.append("works again")

    thread = QuietThread(work)
    thread.start()
    assert works.acquire(timeout=60)
    assert not thread.hold(0.0)
    go_on.release()
    assert rests.acquire(timeout=60)
    assert thread.hold(0.0)
    comes.release()
    assert not thread.join(0.0)
    assert log == []
    thread.let_go()
    assert thread.join(60)
    assert log == ["works again"]


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs Linux's list of threads")
def test_the_threads_of_the_program_are_told_from_ours():
    """Also from one that has only just been started, and from one that is gone: a fork is warned of the program's own."""
    counts, go_on, ours = set(), threading.Event(), []
    before = other_threads()
    for _ in range(20):
        ours.append(QuietThread(go_on.wait))
        ours[-1].start()
        counts.add(other_threads())
    theirs = threading.Thread(target=go_on.wait)
    theirs.start()
    more = other_threads()
    go_on.set()
    theirs.join()
    assert all(thread.join(60) for thread in ours)
    assert ({before}, before + 1, before) == (counts, more, other_threads())
