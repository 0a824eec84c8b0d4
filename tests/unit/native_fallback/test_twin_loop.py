"""Laws of a loop's slot: what its own thread notes at the edges of turns and steps, on a clock of the test's own."""

import itertools
import time
from bisect import bisect_right
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unjam.native import _twin_hooks, _twin_loop
from unjam.native._twin_loop import NEVER, Observers, Slot

MS = 1_000_000


OF_ITS_OWN = {"alive_from", "finished", "ids", "noted", "observers", "undo", "wake"}
"""Fields in which two slots differ that saw the same: when they were made, the CPU time of the test itself, their own objects."""


class Selector:
    def select(self, timeout):
        """Wait for nothing."""


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


def test_the_cpu_time_is_noted_half_as_often_while_all_turns_are_short():
    """Each 20 ms, and each 10 ms for a second after a turn of a fifth of the threshold."""
    slot = make_slot()
    for began, length, every in [(5_000, 9, 20), (5_100, 10, 20), (5_200, 1, 10), (6_100, 1, 10), (6_300, 1, 20)]:
        slot.note_at = 0
        slot.began(began * MS)
        assert slot.note_at - began * MS == every * MS
        slot.ended((began + length) * MS)


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
    assert woken.times == 1


def test_a_sleeping_watchdog_is_woken_by_the_first_turn_only():
    """A loop that moves again wakes the watchdog once."""
    woken = Woken()
    slot = make_slot(woken)
    turn(slot, 1, 10)
    slot.have_waker()
    turn(slot, 20, 10)
    turn(slot, 40, 10)
    assert (woken.times, slot.asleep) == (1, False)


@pytest.fixture
def cpu(monkeypatch):
    """The CPU clock of the loop's thread, which the test turns by hand; `read` counts how often it was read."""
    clock = SimpleNamespace(now=0, read=0)

    def thread_time_ns():
        clock.read += 1
        return clock.now

    monkeypatch.setattr(_twin_loop, "time", SimpleNamespace(monotonic_ns=lambda: 0, thread_time_ns=thread_time_ns))
    return clock


def test_the_cpu_of_a_stall_counts_from_where_its_turn_began(cpu):
    """The loop goes on before the watchdog is given the GIL, and notes the clock again: the stall keeps what was noted before."""
    slot = make_slot()
    cpu.now = 5 * MS
    slot.began(100 * MS)
    cpu.now = 65 * MS
    slot.ended(160 * MS)
    slot.began(161 * MS)
    (finished,) = slot.finished
    assert (finished.cpu_before_ns, finished.cpu_ns, slot.cpu_before()) == (5 * MS, 65 * MS, 65 * MS)


def test_the_cpu_clock_is_read_now_and_then(cpu):
    """Not at each turn: what was used since then is how long the loop has been away."""
    slot = make_slot()
    for number in range(1000):
        turn(slot, number * MS, MS // 2)
    assert cpu.read == 50
    assert slot.cpu_before() == 20 * MS // 2


@example(lengths=[MS, MS + 40_000], threshold_ms=1, tallies=False)
@settings(deadline=None, max_examples=20)
@given(
    lengths=st.lists(st.integers(min_value=0, max_value=200 * MS), max_size=50),
    threshold_ms=st.sampled_from([1, 50]),
    tallies=st.booleans(),
)
def test_a_selector_notes_what_a_slot_would(lengths, threshold_ms, *, tallies):
    """The wrapper of select writes out what `began` and `ended` do of a usual turn: there is no difference to be seen."""
    called, wrapped = make_slot(), make_slot()
    times = list(itertools.accumulate(itertools.chain([1000 * MS], *((MS, length) for length in lengths))))
    for slot in (called, wrapped):
        slot.step_from = 0
        slot.set_threshold(threshold_ms * MS)
        slot.observers.tallies = tallies
    loop = SimpleNamespace(_selector=Selector())
    with pytest.MonkeyPatch.context() as patch:
        ticks = iter(times)
        patch.setattr(_twin_hooks, "time", SimpleNamespace(monotonic_ns=lambda: next(ticks)))
        _twin_hooks.hook_selector(loop, wrapped)
        for _ in range(len(times) // 2):
            loop._selector.select(1)
    for entered, left in zip(times[::2], times[1::2], strict=False):
        called.ended(entered, 1)
        called.began(left)
    compared = [name for name in Slot.__slots__ if name not in OF_ITS_OWN]
    assert {name: getattr(wrapped, name) for name in compared} == {name: getattr(called, name) for name in compared}
    assert [turn[:4] for turn in wrapped.finished] == [turn[:4] for turn in called.finished]


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
    assert told == [(1, 0, "handle", 109 * MS, 112 * MS, 0, 0), (1, 1, "handle", 112 * MS, 170 * MS, 0, 0)]
    assert slot.longest_step_since(100 * MS) == slot.longest_step == 58 * MS
    assert slot.longest_step_since(200 * MS) == 0


def test_tiny_steps_of_a_late_turn_are_told_now_and_then(monkeypatch):
    """A turn of 100,000 tiny steps pays one percent to be told of, and each of them is counted with one that is."""
    told, now = [], 0
    observers = Observers()
    observers.step = lambda *facts: told.append(facts)
    monkeypatch.setattr(time, "monotonic_ns", lambda: now + 2_500)  # so long telling takes
    slot = make_slot(observers=observers)
    slot.began(1)
    for number in range(100_000):
        now = 1 + number * 1000
        step(slot, now)
    assert len(told) == pytest.approx(90 * MS / (100 * 2_500 + 2_500), abs=2)
    assert sum(1 + facts[5] for facts in told) == pytest.approx(90_000, abs=251)
    assert sum(facts[4] - facts[3] + facts[6] for facts in told) == pytest.approx(90 * MS, abs=0.251 * MS)


def test_what_was_not_told_of_a_turn_is_none_of_the_next(monkeypatch):
    """A long step is told of by itself, and what came before it with the next one that is not long, in the same turn alone."""
    told, now = [], 0
    observers = Observers()
    observers.step = lambda *facts: told.append(facts[3:])
    monkeypatch.setattr(time, "monotonic_ns", lambda: now + MS)
    slot = make_slot(observers=observers)
    for began in (0, 1000):
        slot.began(began * MS + 1)
        for end in (15, 16, 18, 40, 51, 52):
            now = (began + end) * MS
            step(slot, now)
        slot.ended((began + 53) * MS)
    spans = [(a // MS % 1000, b // MS % 1000, *more) for a, b, *more in told]
    assert spans == 2 * [(0, 15, 0, 0), (18, 40, 0, 0), (40, 51, 0, 0)]
    observers.step, told[:] = (lambda *facts: told.append(facts[3:])), []
    slot.began(2000 * MS)
    for end in (15, 16, 18, 29, 30):
        now = (2000 + end) * MS
        step(slot, now)
        slot.told_for = 0 if end == 29 else slot.told_for
    assert told[-1] == (2029 * MS, 2030 * MS, 2, 3 * MS)


def test_victims_are_told_of_in_this_turn_and_the_next_four():
    """After a stall the next steps of the same turn and of the next one had to wait; those after it may have, with the end of the stall."""
    told = []
    observers = Observers()
    observers.victim = lambda *facts: told.append((*facts[:4], *facts[5:]))
    observers.most_victims = 20
    slot = make_slot(observers=observers)
    slot.began(100 * MS)
    step(slot, 170 * MS)
    assert list(observers.waiting.values()) == [slot]
    slot.victim("same turn")
    slot.ended(171 * MS)
    slot.began(172 * MS)
    slot.victim("next turn")
    for at in (173, 175, 177, 179):
        slot.ended(at * MS)
        slot.began((at + 1) * MS)
        slot.victim(at)
    assert told == [
        (1, 1, "same turn", 100 * MS, 0, 0),
        (1, 1, "next turn", 100 * MS, 171 * MS, 1),
        *((1, 1, at, 100 * MS, 171 * MS, turn) for turn, at in ((2, 173), (3, 175), (4, 177))),
    ]
    assert observers.waiting == {}


def test_a_turn_after_a_select_that_slept_is_told_as_a_later_one():
    """Nothing was ready, or the thread waited for the GIL: only what is measured tells which."""
    told = []
    observers = Observers()
    observers.victim = lambda *facts: told.append(facts[2::4])
    observers.most_victims = 20
    slot = make_slot(observers=observers)
    slot.began(100 * MS)
    step(slot, 170 * MS)
    slot.ended(171 * MS)
    for number in range(5):
        slot.began((190 + 2 * number) * MS)
        slot.victim(number)
        slot.ended((191 + 2 * number) * MS)
    assert told == [(0, 2), (1, 3), (2, 4)]


def test_at_most_so_many_victims_are_told():
    """Telling of victims is bounded, to so many in the turn of the stall and the next one, and as many in each later one."""
    told = []
    observers = Observers()
    observers.victim = lambda *facts: told.append(facts)
    observers.most_victims = 3
    slot = make_slot(observers=observers)
    slot.began(100 * MS)
    step(slot, 170 * MS)
    for turn, so_far in enumerate((3, 3, 6, 9)):
        for _ in range(10):
            slot.victim("one")
        assert len(told) == so_far
        slot.ended((171 + 2 * turn) * MS)
        slot.began((172 + 2 * turn) * MS)


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
