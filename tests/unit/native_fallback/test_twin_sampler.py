"""What the twin's sampler concludes from clocks and from the system call that a loop's thread waits in."""

import itertools

import pytest

from unjam.native import _twin_os as system
from unjam.native._twin_loop import Observers, Slot
from unjam.native._twin_sampler import Sampler, Seen
from unjam.native._twin_stall import Accounts

MS = 1_000_000
PLACES = [((lambda: None).__code__, 0, 1)]


@pytest.fixture
def judged(monkeypatch):
    """The state of a thread that used `cpu_ms` of 10 ms and is in `call` now, where the look had to ask `asked_ms` for the GIL."""

    def judged(*, cpu_ms=0, call="", asked_ms=5, others=True):
        monkeypatch.setattr(system, "run_delay_ns", lambda _tid: 0)
        monkeypatch.setattr(system, "system_call", lambda _tid: system.SystemCall(call, (0,) * 6))
        sampler = Sampler(lambda _places: 1, 10 * MS)
        slot = Slot(1, (1, 1), threshold=50 * MS, observers=Observers(), numbers=itertools.count(1), wake=bool)
        sampler.begin(slot, 0, Accounts(0, 0))
        seen = Seen(PLACES, (2, PLACES) if others else None, cpu_ns=cpu_ms * MS)
        return sampler.judge(slot, seen, 10 * MS, asked_ms * MS).state

    return judged


def test_who_wakes_up_to_ask_for_the_gil_waits_for_it(judged):
    """It is in no call at that moment, and has used no CPU, while others kept the GIL from us as well: its own line is innocent."""
    assert judged() == "gil"
    assert judged(others=False) == "unknown"
    assert judged(asked_ms=0) == "unknown"


def test_who_works_or_waits_for_something_does_not_wait_for_the_gil(judged):
    """Whatever others do meanwhile."""
    assert judged(cpu_ms=9) == "cpu"
    assert judged(call="write") == "kernel"


@pytest.mark.parametrize(("began_ms", "state"), [(90, "cpu"), (0, "unknown")])
def test_the_first_look_at_a_stall_counts_from_its_beginning(monkeypatch, began_ms, state):
    """A thread that computes since its loop left its select is not one that slept, however long the last look was ago."""
    monkeypatch.setattr(system, "run_delay_ns", lambda _tid: 0)
    monkeypatch.setattr(system, "system_call", lambda _tid: system.SystemCall(""))
    sampler = Sampler(lambda _places: 1, 10 * MS)
    slot = Slot(1, (1, 1), threshold=50 * MS, observers=Observers(), numbers=itertools.count(1), wake=bool)
    sampler.begin(slot, 0, Accounts(0, 0))
    sampler.begin_at_latest(slot, began_ms * MS, Accounts(0, 0))
    assert sampler.judge(slot, Seen(PLACES, None, cpu_ns=9 * MS), 100 * MS, 0).state == state
