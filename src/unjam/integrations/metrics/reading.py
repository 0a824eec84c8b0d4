"""One look at the numbers of this process: frozen, so that two of them can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from unjam.model.histogram import percentile_ns
from unjam.probes.pool_totals import PoolTotal


@dataclass(frozen=True, slots=True)
class LoopSum:
    """Loops that are told as one, cumulative, in nanoseconds; None is "not measured".

    `active_ns` holds the present turn so far, `away_now_ns` is how long that is (the longest of several loops, 0 where all
    wait in their select). `lag` counts the turns that have ended, by the buckets of docs/recording.md.
    """

    active_ns: int | None
    alive_ns: int
    longest_ns: int | None
    away_now_ns: int | None
    lag: Mapping[int, int]

    @property
    def ended_ns(self) -> int:
        """The time of the turns that `lag` counts."""
        return max(0, (self.active_ns or 0) - (self.away_now_ns or 0))


@dataclass(frozen=True, slots=True)
class Reading:
    """All numbers at one moment. `loops` is by "main" (runs in the main thread) and "other", `living` by number, with that name.

    `blocked_ns` and `stalls` are by cause, `stall_ns` is by state of the thread, `timeouts` by whose fault it was. `lost` is None where nothing is watched.
    """

    loops: Mapping[str, LoopSum] = field(default_factory=dict)
    living: Mapping[int, tuple[str, LoopSum]] = field(default_factory=dict)
    blocked_ns: Mapping[str, float] = field(default_factory=dict)
    stalls: Mapping[str, int] = field(default_factory=dict)
    stall_ns: Mapping[str, float] = field(default_factory=dict)
    timeouts: Mapping[str, int] = field(default_factory=dict)
    pools: tuple[PoolTotal, ...] = ()
    lost: int | None = None

    @property
    def is_watched(self) -> bool:
        """Whether a loop has been watched: only then nothing counted means that there was nothing."""
        return bool(self.loops)


NOTHING = Reading()


def loop_of(stats: Mapping[str, Any], now_ns: int) -> LoopSum:
    """The numbers of one loop, of its `LoopStats`."""
    since = stats.get("away_since_ns")
    active = stats["away_ns"]
    away = None if active is None else 0 if since is None else max(0, now_ns - since)
    return LoopSum(active, stats["alive_ns"], stats["longest_turn_ns"], away, stats["lag"])


def summed(loops: Iterable[LoopSum]) -> LoopSum:
    """Several loops as one; what is not measured of one of them is not measured of all."""
    parts = list(loops)
    lag: dict[int, int] = {}
    for part in parts:
        for bucket, count in part.lag.items():
            lag[bucket] = lag.get(bucket, 0) + count
    return LoopSum(
        active_ns=_all(sum, [part.active_ns for part in parts]),
        alive_ns=sum(part.alive_ns for part in parts),
        longest_ns=_all(max, [part.longest_ns for part in parts]),
        away_now_ns=_all(max, [part.away_now_ns for part in parts]),
        lag=lag,
    )


def longest_since(now: LoopSum, before: LoopSum | None) -> int | None:
    """The longest turn since `before`, in nanoseconds, the present one included; right to a sixteenth, and None where turns are not seen.

    A turn that began before counts with its whole length.
    """
    if now.away_now_ns is None:
        return None
    earlier = before.lag if before is not None else {}
    new = {bucket: count - earlier.get(bucket, 0) for bucket, count in now.lag.items()}
    longest = percentile_ns({bucket: count for bucket, count in new.items() if count > 0}, 1.0) or 0
    if now.longest_ns is not None:
        longest = min(longest, now.longest_ns)
    return max(longest, now.away_now_ns)


def busy_share(now: LoopSum, before: LoopSum | None) -> float | None:
    """The share of the time since `before` in which the loop was busy; None where that is not measured or no time has passed."""
    active_before = (before.active_ns or 0) if before is not None else 0
    alive = now.alive_ns - (before.alive_ns if before is not None else 0)
    if now.active_ns is None or alive <= 0:
        return None
    return max(0.0, min(1.0, (now.active_ns - active_before) / alive))


def _all(join: Any, values: list[int | None]) -> int | None:
    return join(values) if values and None not in values else None
