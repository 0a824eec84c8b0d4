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
