"""Gathers the numbers of this process: loops and pools are looked at when somebody asks, stalls and timeouts counted as they come."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from unjam import monitor
from unjam.diagnosis.timeouts import Absence, fault_of
from unjam.integrations.metrics.catalogue import UNKNOWN
from unjam.integrations.metrics.reading import NOTHING, LoopSum, Reading, loop_of, summed
from unjam.model.findings import Finding
from unjam.model.session import Event
from unjam.monitor import Monitor

SETTLED_NS = 300_000_000
"""How long after a timeout its fault is judged: the line of the stall that made it is written by then."""

MOST_STALLS = 256
"""Stalls remembered for the timeouts that they may have made: as many as a service in trouble has in some seconds."""

MOST_TIMEOUTS = 1_000
"""Timeouts that wait to be judged; with more of them the oldest is judged early."""


class Counts:
    """What is counted as it comes, by causes, states and faults; times in nanoseconds."""

    def __init__(self) -> None:
        self.blocked_ns: defaultdict[str, float] = defaultdict(float)
        self.stalls: Counter[str] = Counter()
        self.stall_ns: defaultdict[str, float] = defaultdict(float)
        self.timeouts: Counter[str] = Counter()

    def add_stall(self, stall: Event, found: Sequence[Finding]) -> None:
        """Count a stall: once under its main cause, its time under the cause of each part; with nothing found as unknown."""
        if not found:
            length_ns = stall["t1"] - stall["t0"]
            self.stalls[UNKNOWN] += 1
            self.blocked_ns[UNKNOWN] += length_ns
            self.stall_ns["unexplained"] += length_ns
            return
        self.stalls[max(found, key=lambda finding: finding.total_ms).cause] += 1
        for finding in found:
            self.blocked_ns[finding.cause] += finding.total_ms * 1e6
            for part in fields(finding.accounted):
                milliseconds = getattr(finding.accounted, part.name)
                if milliseconds is not None:
                    self.stall_ns[part.name] += milliseconds * 1e6


class Meter:
    """The numbers of this process, whoever asks for them and in whatever thread; of a fork's child those of the child only."""

    def __init__(self) -> None:
        self._monitor: Monitor | None = None
        self._remove: Callable[[], None] | None = None
        self._users = 0
        self._begin()

    def acquire(self) -> Callable[[], None]:
        """Gather from now on for one more user; returns what ends that."""
        self._users += 1
        if self._remove is None:
            self._remove = monitor.when_watched(self._follow)
        held = [True]

        def release() -> None:
            if held:
                held.clear()
                self._release()

        return release

    @property
    def is_used(self) -> bool:
        """Whether anybody asks."""
        return self._users > 0

    def read(self) -> Reading:
        """Look at everything. A monitor that was removed tells nothing any more; what was counted of it stays."""
        watched = self._watched()
        with self._lock:
            self._judge_timeouts(time.monotonic_ns() - SETTLED_NS)
            counts = self._counts
            return Reading(
                **self._loops(watched),
                blocked_ns=dict(counts.blocked_ns),
                stalls=dict(counts.stalls),
                stall_ns=dict(counts.stall_ns),
                timeouts=dict(counts.timeouts),
                pools=() if watched is None else tuple(watched.pool_totals()),
                lost=None if watched is None else watched.lost(),
            )

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._counts = Counts()
        self._absences: deque[Absence] = deque(maxlen=MOST_STALLS)
        self._open: dict[int, Absence] = {}
        self._pending: deque[Event] = deque()

    def _release(self) -> None:
        self._users -= 1
        if self._users == 0 and self._remove is not None:
            self._remove()
            self._remove = None
            self._leave()

    def _follow(self, watched: Monitor) -> None:
        self._leave()
        self._monitor = watched
        watched.count_waits()
        watched.tell().judged.append(self._judged)
        watched.subscribe(self._receive)

    def _leave(self) -> None:
        watched, self._monitor = self._monitor, None
        if watched is not None:
            watched.unsubscribe(self._receive)
            judges = watched.tell().judged
            if self._judged in judges:
                judges.remove(self._judged)

    def _watched(self) -> Monitor | None:
        if self._pid != os.getpid():
            self._begin()
        watched = self._monitor
        return watched if watched is not None and watched is monitor.current() else None

    def _loops(self, watched: Monitor | None) -> dict[str, Any]:
        now = time.monotonic_ns()
        totals = [] if watched is None else watched.loop_totals()
        known = [(stats["loop"], _name(is_main), loop_of(stats, now)) for is_main, stats in totals]
        by_name: defaultdict[str, list[LoopSum]] = defaultdict(list)
        for _, name, loop in known:
            by_name[name].append(loop)
        return {
            "loops": {name: summed(loops) for name, loops in by_name.items()},
            "living": {number: (name, loop) for number, name, loop in known if number},
        }

    def _judged(self, stall: Event, found: tuple[Finding, ...]) -> None:
        self._watched()
        with self._lock:
            self._counts.add_stall(stall, found)

    def _receive(self, event: Event) -> None:
        self._watched()
        with self._lock:
            if event["e"] == "stall":
                self._note_absence(event)
            elif event["e"] == "timeout":
                self._pending.append(event)
                if len(self._pending) > MOST_TIMEOUTS:
                    self._judge(self._pending.popleft())
            self._judge_timeouts(event["t"] - SETTLED_NS)

    def _note_absence(self, stall: Event) -> None:
        end = stall["t1"]
        absence = Absence(stall["loop"], stall["t0"], stall["t"] if end is None else end, None, "")
        if end is None:
            self._open[stall["loop"]] = absence
        else:
            self._open.pop(stall["loop"], None)
            self._absences.append(absence)

    def _judge_timeouts(self, until_ns: int) -> None:
        while self._pending and self._pending[0]["t"] <= until_ns:
            self._judge(self._pending.popleft())

    def _judge(self, timeout: Event) -> None:
        self._counts.timeouts[fault_of(timeout, [*self._absences, *self._open.values()]).value] += 1


_meter = Meter()


def acquire() -> Callable[[], None]:
    """Have the numbers of this process gathered; returns what ends that."""
    return _meter.acquire()


def read() -> Reading:
    """Look at the numbers of this process; empty where nobody has acquired them or nothing is watched."""
    return _meter.read() if _meter.is_used else NOTHING


def _name(is_main: bool) -> str:  # noqa: FBT001 -- it maps the word
    return "main" if is_main else "other"
