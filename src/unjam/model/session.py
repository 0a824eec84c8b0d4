"""A session: what one recording says, merged over its processes, before and after diagnosis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from unjam.model.findings import Finding
from unjam.model.stacks import Stack
from unjam.model.timeouts import TimeoutGroup

Event: TypeAlias = dict[str, Any]
"""One line of a recording (docs/recording.md)."""


@dataclass(frozen=True, slots=True)
class Process:
    """One watched process: its header, its events in order, and its stacks by id.

    `killed` says that no orderly end was recorded; `torn` counts lines that could not be read. `dropped` counts events
    that the process itself said it had lost. `partial` holds the ids of the stacks that do not reach the thread's base.
    `ended_ns` is when a killed process ended, on CLOCK_MONOTONIC; None where nobody waited for it.
    """

    pid: int
    header: Event
    events: tuple[Event, ...]
    stacks: Mapping[int, Stack]
    killed: bool = False
    torn: int = 0
    dropped: int = 0
    partial: frozenset[int] = frozenset()
    ended_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording folder as read: `meta` is its meta.json, `problems` one line for each thing that could not be read."""

    folder: str
    meta: Event
    processes: tuple[Process, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoopReport:
    """One loop over its life. Times are in milliseconds, `watched_s` in seconds; None is "not measured"."""

    pid: int
    loop: int
    thread: str
    type: str
    tier: str
    watched_s: float
    away_percent: float | None
    turns: int | None
    steps: int | None
    lag_p50_ms: float | None
    lag_p99_ms: float | None
    lag_max_ms: float | None
    longest_step_ms: float | None
    stalls: int = 0
    stalled_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Allowed:
    """A finding that the user has allowed, why, and by which allowance (a table, a marker, or a place in source)."""

    finding: Finding
    reason: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """All that a report is made from: reports never look anywhere else."""

    program: str
    started_wall: float
    duration_s: float
    threshold_ms: float
    pids: tuple[int, ...]
    pythons: tuple[str, ...]
    tiers: tuple[str, ...]
    folder: str = ""
    verdict: str = ""
    loops: tuple[LoopReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    allowed: tuple[Allowed, ...] = ()
    """Findings that the user has allowed: no accusations, and told with their cost all the same."""
    notices: tuple[str, ...] = ()
    """A sentence for each allowance that has expired, that nothing used, or that gives no reason."""
    timeouts: tuple[TimeoutGroup, ...] = ()
    """Every timeout that fired, whosever fault it was; those that were ours are findings too."""
    not_observed: tuple[str, ...] = ()
    dropped: int = 0
    exit_code: int | None = None
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Lines of the user's files that findings name, by file, where they could be read."""
