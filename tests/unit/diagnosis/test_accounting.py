"""Where a stall's time went."""

from __future__ import annotations

import pytest

from unjam.diagnosis.accounting import account, divide, weight_of
from unjam.diagnosis.events import stall_of

MS = 1_000_000


def stall(length_ms, **more):
    return stall_of({"id": 1, "loop": 1, "t": 0, "t0": 0, "t1": length_ms * MS, **more})


def test_counters_and_samples_together():
    """CPU and run queue are counters; the wait is split between kernel and GIL as the samples tell."""
    parts = account(stall(1000, cpu_ns=200 * MS, runq_ns=100 * MS), ["kernel", "gil", "cpu"], [30, 10, 20])
    assert (parts.cpu, parts.runqueue, parts.kernel, parts.gil, parts.unexplained) == (
        200 * MS,
        100 * MS,
        525 * MS,
        175 * MS,
        0,
    )


def test_without_counters_the_samples_must_do():
    """Shares of samples are shares of time; what no sample tells stays unexplained."""
    parts = account(stall(1000), ["kernel", "unknown"], [60, 40])
    assert (parts.kernel, parts.unexplained) == (600 * MS, 400 * MS)


def test_nothing_known_is_unexplained():
    """Without samples and counters nothing is measured: None, not 0."""
    parts = account(stall(1000), [], [])
    assert (parts.cpu, parts.kernel, parts.gil, parts.runqueue, parts.unexplained) == (
        None,
        None,
        None,
        None,
        1000 * MS,
    )


def test_counters_beyond_the_wall_are_cut():
    """A CPU clock that read more than the wall time does not make any part negative."""
    parts = account(stall(100, cpu_ns=150 * MS, runq_ns=80 * MS), ["cpu"], [1])
    assert (parts.cpu, parts.runqueue, parts.total) == (100 * MS, 0, 100 * MS)


def test_late_samples_stand_for_more_time():
    """The watchdog looks less often in a long stall: one sample late stands for as much time as many early."""
    long = stall(20_000, samples=[
        {"n": 100, "first": 0, "last": 1000 * MS, "state": "cpu"}, {"n": 20, "first": 10_000 * MS, "last": 20_000 * MS, "state": "kernel"}
    ])  # fmt: skip
    early, late = (weight_of(group, long) for group in long.groups)
    assert late / early == pytest.approx(10, rel=0.1)


def test_every_part_is_divided_completely():
    """The shares of the groups add up to the parts, also for a state that no group was in."""
    parts = account(stall(1000, cpu_ns=200 * MS, runq_ns=300 * MS), ["kernel", "kernel"], [3, 1])
    shares = divide(parts, ["kernel", "kernel"], [3, 1])
    assert sum(share.total for share in shares) == pytest.approx(parts.total)
    assert shares[0].total == pytest.approx(3 * shares[1].total)
