"""What a pool tells its `on_event` hook: the rare things, never the daily ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

EventKind: TypeAlias = Literal["rejected", "queue-timeout", "timeout", "abandoned", "stuck"]


@dataclass(frozen=True, slots=True)
class PoolEvent:
    """One rare thing that happened in `pool` to the function named `call`.

    rejected: no room. queue-timeout: never started. timeout: ran too long. abandoned: its caller left while it ran.
    stuck: it has been running for `stuck_after`. `seconds` is how long it had waited (queue-timeout) or run.
    """

    kind: EventKind
    pool: str
    call: str
    seconds: float
