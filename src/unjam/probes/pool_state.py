"""One thread pool as the pools probe keeps it: what queued, what ran, what holds its workers."""

from __future__ import annotations

import _thread
import time
import weakref
from bisect import bisect_left
from types import CodeType
from typing import Any, NamedTuple, TypeAlias

from unjam.probes.callables import Called, called

MOST_CALLS = 64
"""Different calls told apart in a second: a pool that runs more than that has no single one to blame."""

LATEST_NS = 1_000_000_000
"""How long what held a worker is remembered for a call behind it that is not counted yet, beside those that run: a second
look always comes by then."""

UNLIMITED = float("inf")

WAIT_BOUNDS_NS = tuple(
    round(ms * 1e6) for ms in (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000)
)
"""Upper ends of the buckets in which waits are counted; what is above the last is in one more."""

_now = time.monotonic_ns

Place: TypeAlias = tuple[CodeType, int]
"""A code object and the offset of an instruction in it: cheap to take, and told as file, line and function when it matters."""

Site: TypeAlias = tuple[str, int, str]
"""File, line and function that submitted a call."""


class Job:
    """One submitted call: `submitted` and `started` in nanoseconds of CLOCK_MONOTONIC, 0 while it has not started.

    `function` is let go at the end, so that a future that the program keeps does not keep what it ran.
    """

    __slots__ = ("function", "place", "started", "submitted")

    def __init__(self, function: object, place: Place | None) -> None:
        self.function = function
        self.place = place
        self.submitted = _now()
        self.started = 0


class Tally:
    """Calls of one function from one site since the last report. Times are sums in nanoseconds; `last` is when one ended."""

    __slots__ = ("count", "last", "longest_queued", "longest_ran", "queued", "ran")

    def __init__(self) -> None:
        self.count = self.queued = self.ran = self.longest_queued = self.longest_ran = self.last = 0

    def add(self, queued: int, ran: int) -> None:
        """Count one call."""
        self.count += 1
        self.last = _now()
        self.queued += queued
        self.ran += ran
        self.longest_queued = max(self.longest_queued, queued)
        self.longest_ran = max(self.longest_ran, ran)


class Depth(NamedTuple):
    """The queue of a pool at one moment: `oldest` is how long the first in it has waited, in nanoseconds."""

    queued: int
    oldest: int


class PoolState:
    """The tallies of one pool since they were last taken.

    `waited` holds the calls that queued for at least the threshold behind a full pool, `held` what kept the workers
    meanwhile. `running` maps the ident of a worker's thread to its job; `waiting` holds the jobs of a pool without a queue to look into. A call that came late to an idle worker (the loop was
    away, another thread had the GIL) did not wait for the pool: `full_at` is when all workers were last seen busy. Workers
    write and the drainer takes, each under a lock, which a finaliser may find held by its own thread. What every call does is a
    step that the GIL makes whole, and needs none.

    Where somebody asked for it (`count_waits`), `waits` counts every call by how long it queued, in the buckets below and
    between WAIT_BOUNDS_NS, and `waited_ns` is the sum of all those times. `oldest_ns` is how long the first in the queue had
    waited when it was last looked at, a second ago at the most.
    """

    def __init__(self, name: str, kind: str, *, limit: float, threshold_ns: int) -> None:
        self._lock = _thread.RLock()
        self.name = name
        self.kind = kind
        self.limit = limit
        self.threshold_ns = threshold_ns
        self.full_at = 0
        self.running: dict[int, Job] = {}
        self.waiting: set[Job] = set()
        self.waited: dict[tuple[Called, Site | None], Tally] = {}
        self.held: dict[tuple[Called, Site | None], Tally] = {}
        self.congested_until = 0
        self.waited_since: float = 0
        self.oldest_ns = 0
        self.waits: list[int] | None = None
        self.waited_ns = 0

    def started(self, job: Job, ident: int) -> None:
        """A worker begins with the job."""
        job.started = now = _now()
        running = self.running
        running[ident] = job
        waited = now - job.submitted
        counts = self.waits
        if counts is not None:
            bucket = bisect_left(WAIT_BOUNDS_NS, waited)
            counts[bucket] += 1
            self.waited_ns += waited
        if waited >= self.threshold_ns and self.full_at >= job.submitted:
            self.congested_until = now
        # Last, for whoever takes the last free worker did not wait for one: its thread may have been slow to start.
        if len(running) >= self.limit:
            self.full_at = now

    def count_waits(self) -> None:
        """Count every call from now on by how long it queued."""
        if self.waits is None:
            self.waits = [0] * (len(WAIT_BOUNDS_NS) + 1)

    def ended(self, job: Job, ident: int) -> None:
        """The worker is done with it. Only a call that queued, or that others may queue behind, costs more than this."""
        now = _now()
        running = self.running
        full = len(running) >= self.limit
        if full:
            self.full_at = now
        running.pop(ident, None)
        queued = job.started - job.submitted
        function, job.function = job.function, None
        ran = now - job.started
        if job.started > self.congested_until and (ran < self.threshold_ns or not full):
            return
        self.note(function, job.place, queued if job.started <= self.congested_until else 0, ran)

    def note(self, function: object, place: Place | None, queued: int, ran: int) -> None:
        """Count a call that held a worker, and as one that waited if it queued for the threshold."""
        key = (called(function), _site(place))
        with self._lock:
            _tally(self.held, key).add(queued, ran)
            if queued >= self.threshold_ns:
                self._waited(key, queued, ran)

    def gave_up(self, function: object, place: Place | None, queued: int) -> None:
        """Count a call that queued for the threshold and never ran; what runs now held the worker that it did not get."""
        key = (called(function), _site(place))
        with self._lock:
            self.congested_until = _now()
            self._waited(key, queued, 0)

    def _waited(self, key: tuple[Called, Site | None], queued: int, ran: int) -> None:
        _tally(self.waited, key).add(queued, ran)
        self.waited_since = min(self.waited_since or UNLIMITED, _now() - ran - queued)

    def events(self, depth: Depth, names: dict[int, str]) -> list[dict[str, Any]]:
        """Take what has gathered as `poolcall` events, with one `pool` event where anybody waited too long."""
        self.oldest_ns = depth.oldest
        stuck = depth.oldest >= self.threshold_ns and len(self.running) >= self.limit
        if stuck:
            self.congested_until = _now()
        with self._lock:
            waited, self.waited = self.waited, {}
            since, held = self._take_held(depth.oldest if stuck else 0)
        if not waited and not stuck:
            return []
        return [
            {**self._pool_event(depth, held, names), "since": since},
            *(self._call_event(key, tally) for key, tally in waited.items()),
        ]

    def _take_held(self, oldest: int) -> tuple[int, dict[tuple[Called, Site | None], Tally]]:
        """Take since when those waited that are told now, and what kept them; keep what may have kept others, who run or queue still.

        A call that waited is counted at its end, and so may be told later than what held the worker before it.
        """
        now = _now()
        since = min(self.waited_since or UNLIMITED, now - oldest if oldest else UNLIMITED)
        self.waited_since = 0
        held, self.held = self.held, {}
        begun = [
            job.submitted for job in list(self.running.values()) if job.started - job.submitted >= self.threshold_ns
        ]
        horizon = min([*begun, now - LATEST_NS])
        for key, tally in held.items():
            if horizon <= tally.last < since:
                self.held.setdefault(key, tally)
        return int(min(since, now)), {key: tally for key, tally in held.items() if tally.last >= since}

    def _pool_event(
        self, depth: Depth, held: dict[tuple[Called, Site | None], Tally], names: dict[int, str]
    ) -> dict[str, Any]:
        now = _now()
        return {
            "e": "pool",
            "t": now,
            "pool": self.name,
            "kind": self.kind,
            "limit": None if self.limit == UNLIMITED else self.limit,
            "busy": len(self.running),
            "queued": depth.queued,
            "oldest_ns": depth.oldest,
            "workers": [_worker(ident, job, now, names) for ident, job in list(self.running.items())[:MOST_CALLS]],
            "held": [_occupant(key, tally) for key, tally in held.items()],
        }

    def _call_event(self, key: tuple[Called, Site | None], tally: Tally) -> dict[str, Any]:
        call, site = key
        return {
            "e": "poolcall",
            "t": _now(),
            "pool": self.name,
            "call": call.name,
            "file": call.file,
            "line": call.line,
            "site": site,
            "n": tally.count,
            "queued_ns": tally.queued,
            "longest_queued_ns": tally.longest_queued,
            "ran_ns": tally.ran,
        }


class Living:
    """States of pools by the identity of the pool, for as long as it lives; the program's own `__eq__` is never asked."""

    def __init__(self) -> None:
        self._states: dict[int, tuple[weakref.ref[Any], PoolState]] = {}
        self.ended: list[PoolState] = []

    def add(self, pool: Any, state: PoolState) -> None:
        """Keep the state until the pool is collected, and what has gathered in it until it is taken."""
        key = id(pool)

        def end(reference: weakref.ref[Any]) -> None:
            self.ended.append(state)
            if self._states.get(key, (None, None))[0] is reference:
                del self._states[key]

        self._states[key] = weakref.ref(pool, end), state

    def take_ended(self) -> list[PoolState]:
        """The states of pools that were collected since the last time."""
        ended, self.ended = self.ended, []
        return ended

    def get(self, pool: Any) -> PoolState | None:
        """The state of the pool."""
        reference, state = self._states.get(id(pool), (None, None))
        return state if reference is not None and reference() is pool else None

    def items(self) -> list[tuple[Any, PoolState]]:
        """Every pool that still lives."""
        known = [(reference(), state) for reference, state in list(self._states.values())]
        return [(pool, state) for pool, state in known if pool is not None]


def _tally(tallies: dict[tuple[Called, Site | None], Tally], key: tuple[Called, Site | None]) -> Tally:
    tally = tallies.get(key)
    if tally is None:
        if len(tallies) >= MOST_CALLS:
            key = (Called("other calls", "", 0), None)
        tally = tallies.setdefault(key, Tally())
    return tally


def _site(place: Place | None) -> Site | None:
    if place is None:
        return None
    code, offset = place
    lines = (line for start, end, line in code.co_lines() if start <= offset < end)
    return code.co_filename, next(lines, None) or code.co_firstlineno, code.co_qualname


def _worker(ident: int, job: Job, now: int, names: dict[int, str]) -> dict[str, Any]:
    call = called(job.function)
    return {
        "thread": names.get(ident, ""),
        "call": call.name,
        "file": call.file,
        "line": call.line,
        "age_ns": now - job.started,
        "site": _site(job.place),
    }


def _occupant(key: tuple[Called, Site | None], tally: Tally) -> dict[str, Any]:
    call, site = key
    return {
        "call": call.name,
        "file": call.file,
        "line": call.line,
        "site": site,
        "n": tally.count,
        "ran_ns": tally.ran,
        "longest_ran_ns": tally.longest_ran,
    }
