"""Threads of our own: started again, they neither lose a beginning nor have anybody wait for them."""

import os
import threading

import pytest

from unjam.native.quiet_thread import QuietThread


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
