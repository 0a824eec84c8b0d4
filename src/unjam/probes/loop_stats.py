"""The statistics of loops: over several runs of one, over many, and since a moment."""

from __future__ import annotations

from typing import Any

SUMS = ("turns", "steps", "away_ns", "alive_ns")
LONGEST = ("longest_turn_ns", "longest_step_ns")
TOLD = ("loop", *SUMS, *LONGEST)


def merge(before: dict[str, Any] | None, stats: dict[str, Any] | None) -> dict[str, Any] | None:
    """The statistics of one loop over several runs."""
    if before is None or stats is None:
        return stats or before
    merged = dict(stats)
    merged |= {key: _sum(before[key], stats[key]) for key in SUMS}
    merged |= {key: max(filter(None, (before[key], stats[key])), default=None) for key in LONGEST}
    lag = before["lag"]
    merged["lag"] = lag | {bucket: count + lag.get(bucket, 0) for bucket, count in stats["lag"].items()}
    return merged


def add(total: dict[str, Any], stats: dict[str, Any]) -> None:
    """As `merge`, into the first: a suite of tests has thousands of loops."""
    for key in SUMS:
        total[key] = _sum(total[key], stats[key])
    for key in LONGEST:
        total[key] = max(filter(None, (total[key], stats[key])), default=None)
    lag = total["lag"]
    for bucket, count in stats["lag"].items():
        lag[bucket] = lag.get(bucket, 0) + count


def since(before: dict[str, Any] | None, stats: dict[str, Any]) -> dict[str, Any]:
    """What a `stats` event has more than the one before; the longest of it is known only where it is the longest of all."""
    if before is None:
        return stats
    lag = before["lag"]
    return {
        **stats,
        **{key: None if stats[key] is None else stats[key] - (before[key] or 0) for key in SUMS},
        **{key: stats[key] if stats[key] != before[key] else None for key in LONGEST},
        "lag": {bucket: count - lag.get(bucket, 0) for bucket, count in stats["lag"].items()},
    }


def _sum(before: int | None, now: int | None) -> int | None:
    return None if before is None or now is None else before + now
