"""Laws of the twin's watchdog, looked at without its thread: `finish` is one look."""

import itertools
import threading
import time
import types

import pytest

from unjam.native import _twin_os as system
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
    return Watchdog(slots, Sampler(lambda _places: 1, 10 * MS), (told.append, told.append), 10 * MS)


def slot_here(kind=Slot):
    """A slot of loop 1, which runs in this thread."""
    here = threading.get_ident(), threading.get_native_id()
    slot = kind(1, here, threshold=50 * MS, observers=Observers(), numbers=itertools.count(1), wake=lambda: None)
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


@pytest.fixture
def healthy(watchdog, slots):
    """The watchdog of a loop that has been looked at a moment ago; its turns are to come."""
    slots[1] = slot_here()
    watchdog.finish()
    return watchdog


def away_for(slots, since_ms):
    """Let the loop have left its select so long before the moment that is returned."""
    now = time.monotonic_ns()
    slots[1].began(now - since_ms * MS)
    return now


@pytest.mark.parametrize(("since_ms", "well", "next_ms"), [(0, True, 30), (1, True, 30), (3, False, 10)])
def test_a_loop_with_short_turns_is_left_alone(healthy, slots, since_ms, well, next_ms):
    """A look takes the GIL and reads clocks: while turns are short it is left out, and a turn of 3 ms is looked at after a tick."""
    now = away_for(slots, since_ms)
    assert healthy._all_is_well(now, 0) is well
    assert healthy._next_wait_s() == pytest.approx(next_ms / 1000)


def test_what_has_to_be_done_is_done(healthy, slots):
    """A turn that ended as a stall, a loop that is new or leaves, an oversleep, and the clocks every 100 ms."""
    now = away_for(slots, 0)
    assert healthy._all_is_well(now, 0)
    assert not healthy._all_is_well(now, 10 * MS)
    assert not healthy._all_is_well(now + 100 * MS, 0)
    healthy.leave(slots[1])
    assert not healthy._all_is_well(now, 0)
    healthy.finish()
    slots[2] = slot_here()
    assert not healthy._all_is_well(now, 0)


def test_a_loop_may_begin_in_the_midst_of_a_look(healthy, slots, monkeypatch):
    """It registers in its own thread, whenever that is given the GIL."""
    monkeypatch.setattr(healthy, "_is_due", lambda slot, _began, _now: slots.setdefault(2, slot) is None)
    healthy.finish()
    assert len(slots) == 2


def test_a_stall_that_ended_unseen_is_completed(healthy, slots):
    """As one is in which native code kept the GIL until its end."""
    now = away_for(slots, 60)
    slots[1].ended(now)
    assert not healthy._all_is_well(now, 0)


def test_what_the_quota_took_before_a_stall_is_not_of_it(slots, told, monkeypatch):
    """The CPU quota is counted from when all was well, not from when the watching began."""
    monkeypatch.setattr("unjam.native._twin_os.throttled_ns", iter([0, 5000, 5007]).__next__)
    watchdog = Watchdog(slots, Sampler(lambda _places: 1, 10 * MS), (told.append, told.append), 10 * MS)
    slots[1] = slot_here()
    watchdog.finish()
    away_for(slots, 600)
    watchdog.finish()
    assert told[-1]["throttled_ns"] == 7


class Alarm:
    """Wakes the watchdog 5 ms after it has fallen asleep, which then gets the GIL 135 ms later."""

    def __init__(self, watchdog, clock):
        self.watchdog, self.clock = watchdog, clock

    def ring(self):
        pass

    def wait(self, timeout):
        self.clock[0] += 5 * MS
        self.watchdog.wake()
        self.clock[0] += 135 * MS
        return True


def test_who_is_woken_and_gets_no_gil_has_waited_for_it(watchdog, monkeypatch):
    """A turn that begins after a rest wakes the watchdog, and may then keep the GIL from it."""
    clock = [time.monotonic_ns()]
    watchdog._alarm = Alarm(watchdog, clock)
    monkeypatch.setattr("time.monotonic_ns", lambda: clock[0])
    assert waited(watchdog, 1.0) == (True, 135 * MS)


def test_what_a_fork_took_is_held_against_nobody(watchdog, monkeypatch):
    """The watchdog rests until the fork is over, and has wanted to look from then on."""
    clock = [time.monotonic_ns()]
    watchdog._alarm = Alarm(watchdog, clock)
    monkeypatch.setattr("time.monotonic_ns", lambda: clock[0])
    monkeypatch.setattr(watchdog._alarm, "wait", lambda _: forked(watchdog, clock))
    assert waited(watchdog, 1.0) == (True, 3 * MS)


def forked(watchdog, clock):
    watchdog.pause()
    watchdog.wake()
    clock[0] += 500 * MS
    watchdog.resume()
    clock[0] += 3 * MS
    return True


def waited(watchdog, seconds):
    """As the watchdog's own thread waits, which works before and after."""
    assert watchdog._thread.hold(0.0)
    try:
        return watchdog._wait(seconds)
    finally:
        watchdog._thread.let_go()


@pytest.fixture
def kept(healthy, slots, monkeypatch):
    """A watchdog, and a call of the system that comes back after 110 ms, in which native code kept the GIL; those after it take no time."""
    took = iter([110 * MS])
    monkeypatch.setattr(healthy, "_ident", threading.get_ident())
    monkeypatch.setattr(healthy, "_explain", lambda waited_ns: (waited_ns, 0))
    monkeypatch.setattr(system, "_returned", lambda _: healthy._came_back(next(took, 0)))

    def call():
        slots[1].began(time.monotonic_ns() - 110 * MS)
        system.patiently(lambda: None)

    return types.SimpleNamespace(watchdog=healthy, call=call)


@pytest.mark.parametrize("over", [True, False])
def test_who_reads_while_native_code_keeps_the_gil_looks_as_soon_as_it_can(kept, slots, told, monkeypatch, over):
    """A turn begins while the clocks of a healthy loop are read: it is seen when that comes back, and not only once it is over."""

    def read(_tid):
        monkeypatch.setattr(system, "run_delay_ns", lambda _tid: 0)
        kept.call()
        if over:
            slots[1].ended(time.monotonic_ns())
        return 0

    watchdog = kept.watchdog
    monkeypatch.setattr(system, "run_delay_ns", read)
    watchdog._bases.clear()
    watchdog.finish()
    assert {event["t1"] is not None for event in told} == {over}
    assert [group["unseen_ns"] for group in told[-1]["samples"]] == [110 * MS]


def test_nobody_else_is_listened_to(kept):
    """Another thread of ours that reads files waits for the GIL as well, and may lack a CPU that the watchdog has."""
    other = threading.Thread(target=kept.call)
    other.start()
    other.join()
    assert not kept.watchdog._glances


@pytest.mark.parametrize(("due_ms", "looks"), [(-110, [110]), (-5, []), (20, [])])
def test_who_gets_the_gil_before_the_watchdog_looks_for_it(late, told, monkeypatch, due_ms, looks):
    """Native code kept it from both, and the turn may be over when the watchdog gets it: what the other has seen is taken in, and counted once."""
    (slot,) = late._slots.values()
    began = time.monotonic_ns()

    def acquire(timeout):
        late._due_ns = began + due_ms * MS
        late.look_for_it()
        slot.ended(time.monotonic_ns())
        return False

    monkeypatch.setattr(late, "_explain", lambda waited_ns: (waited_ns, 0))
    monkeypatch.setattr(late, "_alarm", types.SimpleNamespace(wait=acquire))
    _, overslept = waited(late, 0.0)
    assert overslept < 110 * MS
    late._tick(time.monotonic_ns(), overslept)
    (event,) = (event for event in told if event["t1"] is not None)
    assert [group["unseen_ns"] // (10 * MS) * 10 for group in event["samples"]] == looks


@pytest.mark.parametrize(("asked_ms", "looks"), [(110, 11), (5, 0)])
def test_a_turn_that_ends_while_files_are_read_was_seen(watchdog, told, monkeypatch, asked_ms, looks):
    """Reading gives the GIL away: who had waited for it until the call that kept it was over has seen that call, and nothing that came later."""
    slot = watchdog._slots[threading.get_ident()] = slot_here()
    slot.began(time.monotonic_ns() - 140 * MS)
    slot.noted = 0, 0

    def explain(overslept):
        slot.ended(time.monotonic_ns())
        return overslept, 0

    monkeypatch.setattr(watchdog, "_explain", explain)
    monkeypatch.setattr("unjam.native._twin_os.cpu_ns", lambda _tid: 140 * MS)
    watchdog._tick(time.monotonic_ns(), asked_ms * MS)
    (event,) = [event for event in told if event["t1"] is not None]
    assert sum(group["n"] for group in event["samples"]) == looks
    assert {group["state"] for group in event["samples"]} == ({"cpu"} if looks else set())
    assert event["gil_asked_ns"] == (asked_ms * MS if looks else None)


class Timer:
    """An alarm that can be put off, and notes until when it was."""

    def __init__(self):
        self.until = []

    def put_off(self, until):
        self.until.append(until)
        return True


@pytest.fixture
def waiting(healthy, slots):
    """The watchdog of a healthy loop as it waits: it looked at it 0 ms ago, and would look again in 30."""
    healthy._alarm = Timer()
    assert healthy._next_wait_s() == pytest.approx(0.03)
    healthy._due_ns = healthy._read_ns + 30 * MS
    slots[1].note_at = 0
    return healthy


def test_a_turn_that_begins_puts_the_next_look_off(waiting, slots):
    """It is 30 ms away again, but no farther from the last full look than one at a healthy loop."""
    looked = waiting._read_ns
    for after_ms in (1, 22, 45, 66, 90):
        slots[1].began(looked + after_ms * MS)
    assert [(until - looked) // MS for until in waiting._alarm.until] == [31, 52, 75, 96, 100]
    assert waiting._due_ns == looked + 100 * MS


@pytest.mark.parametrize("why", ["its time is over", "another loop", "a long turn", "it rests"])
def test_a_look_that_is_needed_is_not_put_off(waiting, slots, why):
    """Who waits for the GIL already is to know since when, and no loop may speak for another."""
    now = waiting._read_ns + MS
    if why == "its time is over":
        now = waiting._due_ns
    elif why == "another loop":
        slots[2] = slot_here()
    elif why == "a long turn":
        waiting._calm = False
        waiting._next_wait_s()
    else:
        for _ in range(8):
            waiting._next_wait_s()
        slots[1].wake = lambda: None
    slots[1].began(now)
    assert waiting._alarm.until == []


class Changing(Slot):
    """A slot of which each look meets another moment of its loop."""

    __slots__ = ("moments",)

    @property
    def away_since(self):
        """The next of its moments, or the last of them again."""
        return self.moments.pop(0) if len(self.moments) > 1 else self.moments[0]

    @away_since.setter
    def away_since(self, since):
        self.moments = [since]


def test_no_stall_begins_at_no_time(slots, monkeypatch):
    """Between any two looks at a loop that has been late it may enter its select, where it is away since 0, and leave it again."""
    now = time.monotonic_ns()
    for moments in itertools.product((0, now), repeat=8):
        told = []
        slot = slots[1] = slot_here(Changing)
        slot.moments = [now - 600 * MS, *moments]
        watchdog = Watchdog(slots, Sampler(lambda _places: 1, 10 * MS), (told.append, told.append), 10 * MS)
        monkeypatch.setattr(watchdog, "_explain", lambda waited_ns: (waited_ns, 0))
        watchdog._tick(now, 500 * MS)
        assert 0 not in [event["t0"] for event in told]
