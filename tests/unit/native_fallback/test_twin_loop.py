"""Laws of a loop's slot: what its own thread notes at the edges of turns and steps, on a clock of the test's own."""

import itertools
from bisect import bisect_right
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unjam.native import _twin_hooks
from unjam.native._twin_loop import NEVER, Observers, Slot

MS = 1_000_000


class Woken:
    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1


def make_slot(wake=lambda: None, observers=None):
    slot = Slot(
        1,
        (1, 1),
        threshold=50 * MS,
        observers=observers or Observers(),
        numbers=itertools.count(1),
        wake=wake,
    )
    slot.counts_turns = slot.counts_steps = True
    return slot


def turn(slot, began, length):
    slot.began(began)
    slot.ended(began + length)


def test_turns_add_up():
    """Turns, the time away and the longest turn are exact."""
    slot = make_slot()
    for began, length in [(1000, 5), (2000, 700), (5000, 40)]:
        turn(slot, began, length)
    assert (slot.turns, slot.away, slot.longest_turn, slot.away_since) == (3, 745, 700, 0)


def lowest_of(bucket):
    """The lowest value of a lag bucket, in units, by the definition of docs/recording.md."""
    if bucket < 16:
        return bucket
    shift, low = bucket // 16 - 1, bucket % 16
    return (16 + low) << shift


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=10**14))
def test_a_turn_falls_into_its_bucket(length):
    """The bucket of a turn is the last whose lowest value the turn reaches."""
    slot = make_slot()
    turn(slot, 1, length)
    (bucket,) = [number for number, count in enumerate(slot.lag) if count]
    lowest = [lowest_of(number) for number in range(700)]
    assert bucket == bisect_right(lowest, length >> 10) - 1


def test_a_select_that_was_never_left_ends_nothing():
    """A loop found running is in its select until it is seen leaving it: no turn is invented."""
    slot = make_slot()
    slot.ended(10**12)
    assert (slot.turns, slot.away, list(slot.finished)) == (0, 0, [])


def test_a_long_turn_is_left_to_the_watchdog():
    """Only a turn of at least the threshold is kept, with its steps, and wakes the watchdog."""
    woken = Woken()
    slot = make_slot(woken)
    turn(slot, 1, 50 * MS - 1)
    assert (list(slot.finished), woken.times) == ([], 0)
    slot.began(100 * MS)
    slot.steps += 3
    slot.ended(150 * MS)
    (finished,) = slot.finished
    assert (finished.began_ns, finished.ended_ns, finished.steps) == (100 * MS, 150 * MS, 3)
    assert (finished.away_before_ns, woken.times) == (50 * MS - 1, 1)


def test_a_sleeping_watchdog_is_woken_by_the_first_turn_only():
    """A loop that moves again wakes the watchdog once."""
    woken = Woken()
    slot = make_slot(woken)
    slot.asleep = True
    turn(slot, 1, 10)
    turn(slot, 20, 10)
    assert (woken.times, slot.asleep) == (1, False)


def step(slot, now, handle="handle"):
    if now >= slot.late_at:
        slot.late_step(handle, now)
    slot.step_from = now


def test_steps_are_told_once_their_turn_is_late():
    """The first steps of a turn cost nothing; once it passed a fifth of the threshold they are told, with the stall's number."""
    told = []
    observers = Observers()
    observers.step = lambda *facts: told.append(facts)
    slot = make_slot(observers=observers)
    slot.began(100 * MS)
    assert slot.late_at == 110 * MS
    for now in (101, 109, 112, 170):
        step(slot, now * MS)
    assert told == [(1, 0, "handle", 109 * MS, 112 * MS), (1, 1, "handle", 112 * MS, 170 * MS)]
    assert slot.longest_step_since(100 * MS) == slot.longest_step == 58 * MS
    assert slot.longest_step_since(200 * MS) == 0


def test_tiny_steps_of_a_late_turn_are_told_now_and_then():
    """A turn of 100,000 tiny steps pays for 4,000 observations a second at the most."""
    told = []
    observers = Observers()
    observers.step = lambda *facts: told.append(facts)
    slot = make_slot(observers=observers)
    slot.began(1)
    for number in range(100_000):
        step(slot, 1 + number * 1000)
    assert len(told) == pytest.approx(90 * 4, abs=2)


def test_victims_are_those_of_this_turn_and_the_next():
    """After a stall the next steps of the same turn and of the next one had to wait; those after it did not."""
    told = []
    observers = Observers()
    observers.victim = lambda *facts: told.append(facts[:4])
    observers.most_victims = 20
    slot = make_slot(observers=observers)
    slot.began(100 * MS)
    step(slot, 170 * MS)
    assert list(observers.waiting.values()) == [slot]
    slot.victim("same turn")
    slot.ended(171 * MS)
    slot.began(172 * MS)
    slot.victim("next turn")
    slot.ended(173 * MS)
    slot.began(174 * MS)
    slot.victim("too late")
    assert told == [(1, 1, "same turn", 100 * MS), (1, 1, "next turn", 100 * MS)]
    assert observers.waiting == {}


def test_at_most_so_many_victims_are_told():
    """Telling of victims is bounded."""
    told = []
    observers = Observers()
    observers.victim = lambda *facts: told.append(facts)
    observers.most_victims = 3
    slot = make_slot(observers=observers)
    slot.began(100 * MS)
    step(slot, 170 * MS)
    for _ in range(10):
        if observers.waiting:
            slot.victim("one")
    assert len(told) == 3


def test_a_stall_has_one_number_whoever_asks_first():
    """The loop's thread and the watchdog agree on the number of a stall."""
    slot = make_slot()
    first, again, other = slot.ids.of(100), slot.ids.of(100), slot.ids.of(200)
    assert first == again != other
    slot.ids.forget(100)
    assert slot.ids.of(100) not in {first, other}


def test_before_the_first_turn_no_step_is_late():
    """A loop that was found running has no turn whose steps could be late."""
    assert make_slot().late_at == NEVER


class Beats:
    """A loop whose timer and clock the test turns by hand."""

    def __init__(self, monkeypatch, slot):
        self.now = 10**9
        monkeypatch.setattr(_twin_hooks, "time", SimpleNamespace(monotonic_ns=lambda: self.now))
        _twin_hooks.start_heartbeat(self, slot)

    def call_later(self, delay, beat):
        self.delay, self.beat = round(delay * 1e9), beat
        return SimpleNamespace(cancel=bool)

    def turn(self, late=0):
        self.now += self.delay + late
        self.beat()


def test_between_two_heartbeats_a_stall_began_half_way(monkeypatch):
    """The loop may have left right after the last beat or right before the one that did not come."""
    slot = make_slot()
    loop = Beats(monkeypatch, slot)
    loop.turn()
    left = loop.now + _twin_hooks.HEARTBEAT_NS // 2
    loop.turn(late=100 * MS)
    assert [(turn.began_ns, turn.ended_ns) for turn in slot.finished] == [(left, loop.now)]
    assert slot.longest_turn == 105 * MS


@pytest.mark.parametrize("threshold_ms", [4, 50])
def test_a_beat_that_is_a_little_late_is_nothing(monkeypatch, threshold_ms):
    """Timers are late by a millisecond as a rule."""
    slot = make_slot()
    slot.set_threshold(threshold_ms * MS)
    loop = Beats(monkeypatch, slot)
    for _ in range(3):
        loop.turn(late=MS // 2)
    assert (list(slot.finished), slot.longest_turn) == ([], 0)
