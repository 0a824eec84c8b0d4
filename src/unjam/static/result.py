"""What one check found: findings with what only source can add, and an honest account of what was looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from unjam.model.findings import Finding, Location


class Severity(IntEnum):
    """What a finding costs whoever waits, by the weight of the call: notes are hidden unless asked for."""

    NOTE = 0
    WARNING = 1
    ERROR = 2

    @property
    def label(self) -> str:
        """The word that reports use."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding in source. `callers` are the coroutines and callbacks nearest above it, `route` the entry shown.

    `column` and `end_column` are 1-based, in UTF-8 bytes, the end exclusive. `also` are further lines of the same
    function with the same fault on the same file handle. `measured_ms` is what a recording says it cost, None where
    none was given or it was not seen.
    """

    finding: Finding
    severity: Severity
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    route: str = ""
    callers: tuple[Location, ...] = ()
    once: bool = False
    also: tuple[int, ...] = ()
    fingerprint: str = ""
    measured_ms: float | None = None

    @property
    def rule(self) -> str:
        """The code of the rule."""
        return self.finding.rule


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the code on the loop was understood: calls there, and how many of them were resolved."""

    files: int = 0
    lines: int = 0
    functions: int = 0
    on_loop: int = 0
    calls: int = 0
    resolved: int = 0

    @property
    def percent(self) -> float | None:
        """Resolved calls in percent, None where there were no calls."""
        return 100 * self.resolved / self.calls if self.calls else None


@dataclass(slots=True)
class Result:
    """All of one check. `notices` are sentences about what limits it; `skipped` says why a file was not read."""

    root: str
    problems: list[Problem] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    skipped: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    holds_until: str = ""
    """The last day (ISO) on which all of its allowances hold; "" where none of them ends."""
    hidden: int = 0
    allowed: int = 0
    known: int = 0
    """Findings that the baseline already holds."""
    seen_only: list[Finding] = field(default_factory=list)
    """Findings of a recording that source did not show."""
