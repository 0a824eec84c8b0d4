"""A finding: one conclusion, with what it rests on, what it cost and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, TypeAlias

OriginKind: TypeAlias = Literal["user", "library", "stdlib", "native"]
"""Whose code a link of a chain is: the user's, site-packages', the standard library's, or C without a Python frame."""


class Grade(IntEnum):
    """How far a finding can be trusted, weakest first: a finding has the grade of its weakest needed evidence."""

    UNKNOWN = 0
    SUSPECTED = 1
    INFERRED = 2
    EXACT = 3
    PROVED = 4

    @property
    def label(self) -> str:
        """The word that reports and JSON use."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Location:
    """A place in source: `line` is 1-based."""

    file: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Link:
    """One call of the chain from where the loop entered the program down to the leaf, outermost first."""

    file: str
    line: int
    function: str
    kind: OriginKind


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact that a finding rests on; `kind` names its source (os, stack, steps, gil, schedstat, gc, source ...)."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do, and what doing it costs; remedies are ordered by preference."""

    text: str
    cost: str


@dataclass(frozen=True, slots=True)
class Victim:
    """Somebody who was ready and had to wait; `kind` is task, timer, callback or request.

    Victims of one kind and name are one, with a count and the longest delay, which is an upper bound but for timers.
    """

    kind: str
    name: str
    delay_ms: float
    count: int = 1


@dataclass(frozen=True, slots=True)
class TaskName:
    """The task in which it happened; `coroutine` is a qualified name, and so may be the `name` of an eager task."""

    name: str
    coroutine: str


@dataclass(frozen=True, slots=True)
class Accounted:
    """Where the wall time of the stalls went, in milliseconds; None is "not measured"."""

    kernel: float | None = None
    cpu: float | None = None
    gil: float | None = None
    runqueue: float | None = None
    unexplained: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One conclusion. Stalls with the same rule, culprit and leaf are one finding with a count.

    `first_s` and `last_s` are seconds since the start of the session at which the first and the last one began.
    `victim_count` counts all victims, of which `victims` holds the worst few.
    """

    rule: str
    cause: str
    grade: Grade
    message: str
    culprit: Location | None = None
    leaf: str = ""
    chain: tuple[Link, ...] = ()
    task: TaskName | None = None
    thread: str = ""
    pid: int = 0
    loop: int = 0
    count: int = 1
    total_ms: float = 0.0
    max_ms: float = 0.0
    first_s: float = 0.0
    last_s: float = 0.0
    accounted: Accounted = field(default_factory=Accounted)
    victims: tuple[Victim, ...] = ()
    victim_count: int = 0
    evidence: tuple[Evidence, ...] = ()
    cycle: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()
