"""Laws of gathering: each stall and each timeout counts once, wherever the numbers are asked for."""

import os

import pytest

from unjam import monitor
from unjam.integrations.metrics.meter import SETTLED_NS, Meter
from unjam.model.findings import Accounted, Finding, Grade
from unjam.model.settings import Settings
from unjam.monitor import Monitor, when_watched


@pytest.fixture
def meter():
    return Meter()


def finding(cause, total_ms, **accounted):
    return Finding("UJ000", cause, Grade.EXACT, "", total_ms=total_ms, accounted=Accounted(**accounted))


def stall(number=1, *, t0=0, t1=None, t=None):
    return {"e": "stall", "t": t1 if t is None else t, "id": number, "loop": 1, "t0": t0, "t1": t1}


def timeout(at, *, t0, answered=None):
    return {"e": "timeout", "t": at, "loop": 1, "t0": t0, "t1": at, "pool_ns": None, "answered": answered}


def test_a_stall_counts_once_and_its_time_by_the_cause_of_each_part(meter):
    """Under its main cause once; parts that were measured by state."""
    meter._judged(stall(), (finding("http", 300.0, kernel=290.0, cpu=10.0), finding("gil", 100.0, gil=100.0)))
    told = meter.read()
    assert told.stalls == {"http": 1}
    assert told.blocked_ns == {"http": 300e6, "gil": 100e6}
    assert told.stall_ns == {"kernel": 290e6, "cpu": 10e6, "gil": 100e6}


def test_a_stall_that_nobody_thought_about_counts_as_unknown(meter):
    """Of very many in a row: how many there were and how long they took stays true."""
    meter._judged(stall(t0=1_000, t1=301_000), ())
    told = meter.read()
    assert (told.stalls, told.blocked_ns, told.stall_ns) == (
        {"unknown": 1},
        {"unknown": 300_000},
        {"unexplained": 300_000},
    )


@pytest.mark.parametrize("ended", [True, False], ids=["over", "goes on"])
def test_a_timeout_is_judged_by_the_stalls_around_it(meter, ended):
    """One that fired behind a stall is the loop's fault, whether the line of its end has come or not."""
    meter._receive(stall(t0=1_000, t1=900_000_000 if ended else None, t=900_000_000))
    meter._receive(timeout(900_000_010, t0=2_000))
    assert meter.read().timeouts == {"loop": 1}


def test_a_timeout_waits_for_the_line_of_its_stall(meter):
    """It is not judged before that line has had time to come, and only once."""
    meter._receive(timeout(900_000_010, t0=2_000, answered=False))
    meter._receive(stall(t0=1_000, t1=900_000_000, t=900_000_020))
    assert meter._counts.timeouts == {}
    meter._receive(stall(2, t0=0, t1=1, t=900_000_010 + SETTLED_NS))
    assert meter._counts.timeouts == {"loop": 1}
    assert meter.read().timeouts == {"loop": 1}


def test_a_timeout_of_a_free_loop_is_the_other_sides(meter):
    """The loop was there and nothing had come."""
    meter._receive(timeout(900_000_010, t0=2_000, answered=False))
    assert meter.read().timeouts == {"peer": 1}


def test_a_child_of_a_fork_counts_from_nothing(meter, monkeypatch):
    """What the parent counted is the parent's; seen by the number of the process, for a fork calls nobody here."""
    meter._judged(stall(), (finding("http", 300.0),))
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert meter.read().stalls == {}
    meter._judged(stall(), (finding("sleep", 300.0),))
    assert meter.read().stalls == {"sleep": 1}


def test_gathering_ends_with_its_last_user(meter, tmp_path):
    """Nothing of ours stays with the monitor; releasing twice releases once."""
    monitor.install(record=False, log=False)
    try:
        watched = monitor.current()
        first, second = meter.acquire(), meter.acquire()
        first()
        first()
        assert (meter.is_used, watched.tell().judged) == (True, [meter._judged])
        second()
        assert (meter.is_used, watched.tell().judged, watched._subscribers) == (False, [], [watched.tell().receive])
    finally:
        monitor.uninstall()


def test_followers_are_told_of_the_present_and_of_later_monitors():
    """Before `install`, after it, and of the next one after `uninstall`; none after the removal."""
    told = []
    remove = when_watched(told.append)
    try:
        monitor.install(record=False, log=False)
        monitor.uninstall()
        monitor.install(record=False, log=False)
        present = monitor.current()
        when_watched(told.append)()
        remove()
    finally:
        monitor.uninstall()
    monitor.install(record=False, log=False)
    monitor.uninstall()
    assert len(told) == 3
    assert told[0] is not told[1] is present is told[2]
    assert all(isinstance(each, Monitor) for each in told)


def test_one_that_fails_every_second_is_called_no_more(monkeypatch):
    """It is told once; the others go on. That it was removed meanwhile, as it may be by another thread, is no failure."""
    reported, called = [], []
    monkeypatch.setattr("unjam.monitor.report_failure", lambda what, error: reported.append(type(error)))
    watched = Monitor(Settings())

    def removed():
        return watched.every_second.remove(removed) or 1 / 0

    watched.every_second[:] = [lambda: 1 / 0, removed, lambda: called.append(1)]
    watched._tick()
    watched._tick()
    assert (reported, called, len(watched.every_second)) == ([ZeroDivisionError] * 2, [1, 1], 1)
