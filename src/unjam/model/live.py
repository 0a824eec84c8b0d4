"""What one process does now: each loop with what holds it or how busy it is, and who waits."""

from __future__ import annotations

from dataclasses import dataclass, field

from unjam.model.findings import Finding, Location


@dataclass(frozen=True, slots=True)
class Waiting:
    """Tasks that wait in the same way: how many, their coroutine, and what for."""

    count: int
    coroutine: str
    what: str


@dataclass(frozen=True, slots=True)
class LoopNow:
    """One loop now. `away_ms` is None while it waits in its select or where that is not measured.

    `busy_percent` is that of the last `over_s` seconds, `busy_ever_percent` since it began; `place` is the user's line of
    its thread, `holds` one sentence on what the thread waits for, `findings` what the present stall says, the longest
    first. `ready` counts callbacks that wait for their turn, None where the loop does not show them.
    """

    thread: str
    type: str
    away_ms: float | None
    busy_percent: float | None = None
    busy_ever_percent: float | None = None
    over_s: float = 0.0
    longest_ms: float | None = None
    place: Location | None = None
    stack: tuple[Location, ...] = ()
    task: str = ""
    holds: str = ""
    ready: int | None = None
    findings: tuple[Finding, ...] = ()
    waiting: tuple[Waiting, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessNow:
    """One process now; `stalled` are the findings of the last stalls that are over, newest first."""

    pid: int
    python: str
    tier: str
    threshold_ms: float
    loops: tuple[LoopNow, ...]
    stalled: tuple[Finding, ...] = ()
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    not_observed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoopRow:
    """One loop in the live view; None is "not measured". `p99_ms` and `longest_ms` are of the last `over_s` seconds."""

    pid: int
    program: str
    thread: str
    busy_percent: float | None
    p99_ms: float | None
    longest_ms: float | None
    away_ms: float | None
    place: Location | None
    over_s: float


@dataclass(frozen=True, slots=True)
class StallRow:
    """One stall in the live view: how long ago it began, how long it was or is, where."""

    pid: int
    ago_s: float
    length_ms: float
    ended: bool
    place: Location | None
    leaf: str


@dataclass(frozen=True, slots=True)
class PoolRow:
    """One pool in the live view."""

    pid: int
    name: str
    busy: int | None
    limit: int | None
    queued: int | None


@dataclass(frozen=True, slots=True)
class TopView:
    """One picture of the live view. `tasks` are (count, state, coroutine); `silent` are processes that did not answer."""

    loops: tuple[LoopRow, ...] = ()
    stalls: tuple[StallRow, ...] = ()
    pools: tuple[PoolRow, ...] = ()
    tasks: tuple[tuple[int, str, str], ...] = ()
    task_count: int = 0
    threads: int = 0
    silent: dict[int, str] = field(default_factory=dict)
