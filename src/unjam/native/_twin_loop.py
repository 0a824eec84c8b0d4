"""One loop as the twin watches it: what the loop's own thread notes at the edges of its turns and steps."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

from unjam.native import _twin_os as system

Observer: TypeAlias = Callable[[int, int, Any, int, int, int, int], None]
StepObserver: TypeAlias = Callable[[int, int, Any, int, int, int, int], None]
"""Called with what the contract in _core.pyi says."""

LAG_BUCKETS = 1024
"""Enough for every turn length that fits 64 bits: 16 buckets for each power of two of 1,024 ns."""

TELLING_PART = 100
"""Of the steps of a late turn that are not long so few are observed that this adds one part in so many."""

SLEPT_PART = 5
"""Of a long wait (10 ms at 50 ms): a select that takes longer than such a part after a stall slept, as nobody was ready, or
its thread waited for the GIL: that turn is told as a later one."""

VICTIM_TURNS = 4
"""Turns after a stall in which victims are told of: a client that connects in it is accepted in the first, and heard in the fourth."""

RECENT = 16
"""Turns remembered before the present one: more than any server takes from a request's bytes to its handler."""

NEVER = 1 << 62
"""A time that never comes."""


def _bucket(units: int) -> int:
    """The bucket of the lag histogram for a turn of so many times 1,024 ns: docs/recording.md."""
    if units < 16:  # noqa: PLR2004 -- as above
        return units
    shift = units.bit_length() - 5
    return 16 * (shift + 1) + (units >> shift) - 16


KNOWN_UNITS = 1_024
"""Turns up to a millisecond, which nearly all are, have their bucket looked up."""

BUCKETS = tuple(map(_bucket, range(KNOWN_UNITS)))

SHORT_NS = KNOWN_UNITS << 10
"""A turn shorter than this has its bucket looked up."""

NOTE_EVERY_NS = 10_000_000
"""A loop's thread reads its own CPU clock this often, which takes half a microsecond: a stall's part is counted from there."""

CALM_NOTE_EVERY_NS = 20_000_000
"""While every turn is short: what they may have waited since is little."""

CALM_AFTER_NS = 1_000_000_000
"""So long after the last turn of a fifth of the threshold or more every turn is short."""


class FinishedTurn(NamedTuple):
    """A turn that was long enough to be a stall, as its own thread saw it end.

    `cpu_before_ns` is what its thread had used of the CPU when it began (None: not measured), `cpu_ns` when it ended.
    """

    began_ns: int
    ended_ns: int
    steps: int | None
    longest_step_ns: int | None
    cpu_before_ns: int | None
    cpu_ns: int


class Observers:
    """Who is told of late steps and of their victims, the same for all loops.

    `waiting` holds, by thread, the loops whose next steps had to wait for a stall: nearly always it is empty, which is all
    that a step has to ask. `tallies`: somebody asks how long requests waited, for which the last turns are kept.
    """

    __slots__ = ("most_victims", "step", "tallies", "victim", "waiting")

    def __init__(self) -> None:
        self.waiting: dict[int, Slot] = {}
        self.step: StepObserver | None = None
        self.victim: Observer | None = None
        self.most_victims = 0
        self.tallies = False


class Slot:
    """One loop. Its own thread writes and the watchdog reads: every field is one assignment, which the GIL makes whole.

    `away_since` is when the loop left its select, 0 while it is in it or was never seen leaving it. `away` is the sum of
    all turns that have ended. With `counts_turns` false (a loop that has no select to be seen) `away_since` lies half way to
    the loop's next heartbeat: in the future, or a few milliseconds past, while all is well. `late_at` is when the present
    turn is late enough for its steps to be of interest: only then they are looked at one by one. `recent` holds the turns
    before the present one, while there are tallies, the last one first, each from when to when, and whether the loop then waited
    in its select. `noted` is the CPU time of its thread (None: not measured) as a turn began, and `away` at that moment; after
    `note_at` it is noted again. `calm_from` is from when on every turn is taken to be short. Turns shorter than `short` are of no
    interest by themselves.
    """

    __slots__ = (
        "alive_from",
        "asleep",
        "away",
        "away_since",
        "calm_from",
        "counts_steps",
        "counts_turns",
        "fifth",
        "finished",
        "hops",
        "ident",
        "ids",
        "lag",
        "late_at",
        "longest_step",
        "longest_turn",
        "loop_id",
        "note_at",
        "noted",
        "observers",
        "put_off",
        "recent",
        "short",
        "stall_ended",
        "step_from",
        "steps",
        "steps_before",
        "tally",
        "tally_since",
        "threshold",
        "tid",
        "told_at",
        "told_for",
        "turn_longest",
        "turn_longest_of",
        "turns",
        "undo",
        "untold",
        "victims",
        "victims_left",
        "victims_turn",
        "wake",
    )

    def __init__(
        self,
        loop_id: int,
        thread: tuple[int, int],
        *,
        threshold: int,
        observers: Observers,
        numbers: Iterator[int],
        wake: Callable[[], None],
    ) -> None:
        self.loop_id = loop_id
        self.ident, self.tid = thread
        self.observers = observers
        self.ids = StallNumbers(numbers)
        self.wake = wake
        self.set_threshold(threshold)
        self.counts_turns = self.counts_steps = False
        self.noted: tuple[int | None, int] = system.cpu_ns(self.tid), 0
        self.note_at = self.calm_from = 0
        self.alive_from = self.step_from = time.monotonic_ns()
        self.away_since = self.away = self.longest_turn = self.longest_step = 0
        self.turn_longest = self.turn_longest_of = 0
        self.late_at = NEVER
        self.turns = self.steps = self.steps_before = self.told_at = self.told_for = 0
        self.untold = 0, 0, 0
        self.lag = [0] * LAG_BUCKETS
        self.finished: deque[FinishedTurn] = deque(maxlen=64)
        self.victims, self.stall_ended = (0, 0, 0), 0
        self.victims_left = self.victims_turn = 0
        self.recent: deque[tuple[int, int, bool]] = deque(maxlen=RECENT)
        self.tally: Any = None
        self.hops = [0] * (RECENT + 1)
        self.tally_since = 0
        self.asleep = False
        self.put_off: Callable[[int], object] | None = None
        self.undo: Callable[[], object] = bool  # nothing to undo yet

    def set_threshold(self, threshold: int) -> None:
        """Change the threshold, in nanoseconds."""
        self.threshold, self.fifth = threshold, threshold // 5
        self.short = min(self.fifth, SHORT_NS)

    def began(self, now: int) -> None:
        """The loop left its select."""
        self.step_from = self.away_since = now
        self.steps_before = self.steps
        self.late_at = now + self.fifth
        if now >= self.note_at:
            self.note(now)

    def note(self, now: int) -> None:
        """Note the CPU time of the calling thread, which is the loop's, and wake the watchdog if that sleeps."""
        # In this order: who falls asleep first says so and then has this called.
        self.note_at = now + (NOTE_EVERY_NS if now < self.calm_from else CALM_NOTE_EVERY_NS)
        self.noted = time.thread_time_ns(), self.away
        put_off = self.put_off
        if self.asleep:
            self.asleep = False
            self.wake()
        elif put_off is not None:
            put_off(now)

    def cpu_before(self) -> int | None:
        """The CPU time of the loop's thread when the present turn began: since it was noted it was used while the loop was away."""
        noted, away = self.noted
        return None if noted is None else noted + self.away - away

    def have_waker(self) -> None:
        """The watchdog goes to sleep: the next turn wakes it."""
        self.asleep = True
        self.note_at = 0

    def ended(self, now: int, timeout: float | None = None) -> None:
        """The loop came back to its select, in which it waits for `timeout` seconds at most; None: until something happens."""
        began = self.away_since
        if not began:
            return
        length = now - began
        units = length >> 10
        self.lag[BUCKETS[units] if units < KNOWN_UNITS else _bucket(units)] += 1
        if length > self.longest_turn:  # noqa: PLR1730 -- comparing costs a third of calling max()
            self.longest_turn = length
        if length >= self.fifth:
            self.calm_from = now + CALM_AFTER_NS
            if length >= self.threshold:
                self.stalled(began, now)
        if self.observers.tallies:
            self.recent.appendleft((began, now, timeout is None or timeout > 0))
        self.away_since = 0
        self.turns += 1
        self.away += length

    def stalled(self, began: int, ended: int) -> None:
        """A turn that was a stall has ended: leave it to the watchdog, which may not have seen it."""
        self.stall_ended = ended
        steps = self.steps - self.steps_before if self.counts_steps else None
        longest = self.longest_step_since(began) if self.counts_steps else None
        self.finished.append(FinishedTurn(began, ended, steps, longest, self.cpu_before(), time.thread_time_ns()))
        self.wake()

    def longest_step_since(self, began: int) -> int:
        """The longest step so far of the turn that began then."""
        return self.turn_longest if self.turn_longest_of == began else 0

    def late_step(self, handle: Any, now: int) -> None:
        """A step has ended in a turn that is late: tell of it, and from now on of those that had to wait."""
        began, took = self.away_since, now - self.step_from
        stall_id = self.ids.of(began) if now - began >= self.threshold else 0
        self.turn_longest = max(self.longest_step_since(began), took)
        self.turn_longest_of = began
        self.longest_step = max(self.longest_step, took)
        if self.observers.step is not None:
            self.observe_step(self.observers.step, stall_id, handle, now - took, now)
        if stall_id != self.victims[1] and stall_id and self.observers.victim is not None:
            self.victims, self.victims_left = (began, stall_id, self.turns), self.observers.most_victims
            self.victims_turn = 0
            self.observers.waiting[self.ident] = self

    def observe_step(self, observe: StepObserver, stall_id: int, handle: Any, t0: int, t1: int) -> None:
        """Tell of a step of a late turn, or count it among those that are not told of: see the contract in _core.pyi."""
        turn, more, more_ns = self.untold
        if turn != self.away_since:
            more = more_ns = 0
        is_long = t1 - t0 >= self.fifth
        if not is_long and t1 - self.told_at < min(self.fifth, TELLING_PART * self.told_for):
            self.untold = self.away_since, more + 1, more_ns + t1 - t0
            return
        if is_long:
            observe(self.loop_id, stall_id, handle, t0, t1, 0, 0)
        else:
            self.untold = self.away_since, 0, 0
            observe(self.loop_id, stall_id, handle, t0, t1, more, more_ns)
        self.told_at = time.monotonic_ns()
        self.told_for = self.told_at - t1

    def victim(self, handle: Any) -> None:
        """A step is about to run that may have had to wait for a stall: one of the same turn or of the next few."""
        began, stall_id, stalled = self.victims
        observe, turn = self.observers.victim, self.turns - stalled
        if turn == 1 and self.away_since - self.stall_ended >= self.fifth // SLEPT_PART:
            self.victims, turn = (began, stall_id, stalled - 1), 2
        if observe is None or turn > VICTIM_TURNS:
            self.observers.waiting.pop(self.ident, None)
            return
        if turn > max(1, self.victims_turn):
            self.victims_left = self.observers.most_victims
        self.victims_turn = turn
        if self.victims_left:
            self.victims_left -= 1
            ended = self.stall_ended if turn else 0
            observe(self.loop_id, stall_id, handle, began, time.monotonic_ns(), ended, turn)


class Numbers:
    """1, 2, 3 ... for all stalls of a process; `last` is the last one given."""

    __slots__ = ("_next", "last")

    def __init__(self) -> None:
        self._next = itertools.count(1).__next__
        self.last = 0

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        self.last = number = self._next()
        return number


class StallNumbers:
    """Numbers of stalls by when they began; the loop's thread and the watchdog may both be the first to ask."""

    __slots__ = ("_known", "_numbers")

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self._known: dict[int, int] = {}

    def of(self, began: int) -> int:
        """The number of the stall that began then."""
        # setdefault is atomic: whoever comes second throws its number away.
        return self._known.get(began) or self._known.setdefault(began, next(self._numbers))

    def forget(self, began: int) -> None:
        """The stall is complete: nobody asks for its number again."""
        self._known.pop(began, None)
