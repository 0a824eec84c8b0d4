"""What became of the timeouts of a session: whose fault each group of equal ones was."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from unjam.model.findings import Location


class Fault(Enum):
    """Whose fault a timeout was."""

    LOOP = "loop"
    """Ours: the loop was away for most of the window, or the reply lay there when it fired."""
    POOL = "pool"
    """Ours: the call queued behind a full pool for most of the window."""
    PEER = "peer"
    """The other side's: the loop was free and nothing had come."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TimeoutGroup:
    """Timeouts of one kind at one place with the same fault. Times are means in milliseconds; None is "not measured".

    `window_ms` is how long they were allowed to take, `away_ms` how much of it the loop was away, `queued_ms` how much the
    awaited call spent in a pool's queue. `blamed` are the places that kept the loop, the worst first, as "file:line leaf".
    """

    kind: str
    fault: Fault
    text: str
    pid: int
    count: int
    coroutine: str
    place: Location | None = None
    window_ms: float | None = None
    away_ms: float | None = None
    queued_ms: float | None = None
    answered: int = 0
    """How many of them fired although the reply was there."""
    blamed: tuple[str, ...] = ()
