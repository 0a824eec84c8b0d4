"""Laws of the twin's watchdog, looked at without its thread: `finish` is one look."""

import itertools
import threading
import time

import pytest

from unjam.native._twin_loop import Observers, Slot
from unjam.native._twin_sampler import Sampler
from unjam.native._twin_watchdog import Watchdog

MS = 1_000_000


@pytest.fixture
def told():
    """The events of a watchdog."""
    return []


@pytest.fixture
def slots():
    """The loops that it looks at, by thread."""
    return {}


@pytest.fixture
def watchdog(slots, told):
    return Watchdog(slots, Sampler(lambda _places: 1, 10 * MS), told.append, 10 * MS)


def slot_here():
    """A slot of loop 1, which runs in this thread."""
    here = threading.get_ident(), threading.get_native_id()
    slot = Slot(1, here, threshold=50 * MS, observers=Observers(), numbers=itertools.count(1), wake=lambda: None)
    slot.counts_turns = True
    return slot


@pytest.fixture
def late(watchdog, slots):
    """The watchdog of a loop that has been away for 600 ms since it began."""
    slot = slots[1] = slot_here()
    slot.began(time.monotonic_ns() - 600 * MS)
    return watchdog


def test_a_loop_that_runs_again_keeps_what_was_seen_of_its_last_stall(watchdog, slots, told):
    """asyncio.run runs its loop once more to close it: the new slot of the loop is looked at before the last turn is completed."""
    last = slots[1] = slot_here()
    last.began(time.monotonic_ns() - 100 * MS)
    watchdog.finish()
    last.ended(time.monotonic_ns())
    slots[1] = slot_here()
    watchdog.leave(last)
    watchdog.finish()
    ended = [event for event in told if event["t1"] is not None]
    assert [sum(sample["n"] for sample in event["samples"]) for event in ended] == [1]


@pytest.mark.parametrize(("delay_ns", "suspended_ns"), [(0, 500 * MS), (None, 0)])
def test_who_cannot_read_run_queues_tells_nobody_as_stopped(late, told, monkeypatch, delay_ns, suspended_ns):
    """A process that lay still for half a second was stopped if it lacked no CPU; where that is not measured, it may have lacked one."""
    monkeypatch.setattr("unjam.native._twin_os.run_delay_ns", lambda _tid: delay_ns)
    monkeypatch.setattr("time.process_time_ns", lambda: late._process_cpu)
    late._tick(time.monotonic_ns(), 500 * MS)
    assert told[-1]["suspended_ns"] == suspended_ns


def test_the_first_stall_has_a_beginning(late, told):
    """A loop that was late before it was ever looked at: its thread's CPU time counts from where the loop began."""
    late.finish()
    assert 0 <= told[-1]["cpu_ns"] < 600 * MS
