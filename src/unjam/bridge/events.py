"""What a pool tells its `on_event` hook: the rare things, never the daily ones."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic_ns
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from unjam.bridge.calls import Call

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


def tell(call: Call, kind: EventKind) -> None:
    """Tell the hook of the call's pool, on the caller's loop; what it raises goes to that loop's exception handler."""
    bulkhead = call.bulkhead
    if bulkhead.on_event is None:
        return
    seconds = (monotonic_ns() - (call.started or call.submitted)) / 1e9
    try:
        bulkhead.on_event(PoolEvent(kind, bulkhead.name, call.name, seconds))
    except Exception as exc:  # noqa: BLE001 - a hook must not change what the caller gets
        call.port.report(f"on_event of pool {bulkhead.name!r} failed", exc)
