"""Durations as people write them: `50ms`, `1.5s`."""

from __future__ import annotations

from unjam.errors import UsageError

UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
"""Nanoseconds of each unit."""

LONGEST_NS = 24 * UNITS["h"]
"""No duration that unjam is told is longer than a day: more is a typing error."""


def parse_duration(text: str, *, what: str = "duration") -> int:
    """Return the nanoseconds of `50ms`, `1.5s`, `250us`, `2m`.

    Raises UsageError, naming `what`, for anything else: no unit, not a number, zero, negative, not finite, over a day.
    """
    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyzµ")
    unit = text.strip()[len(number) :]
    try:
        nanoseconds = float(number) * UNITS[unit]
    except (KeyError, ValueError):
        raise UsageError(f"{what} {text!r} is not a number with a unit: write for example 50ms or 1.5s") from None
    if not 1 <= nanoseconds <= LONGEST_NS:
        raise UsageError(f"{what} {text!r} must be more than 0 and at most 24h")
    return round(nanoseconds)


def duration_of(value: object, *, what: str) -> int:
    """The nanoseconds of a duration as text, or of seconds as a number. Raises UsageError, naming `what`, for anything else."""
    if isinstance(value, str):
        return parse_duration(value, what=what)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return parse_duration(f"{value}s", what=what)
    raise UsageError(f"{what} must be a duration such as '50ms', or seconds, not {type(value).__name__}")


def format_duration(nanoseconds: int) -> str:
    """Return the shortest text that `parse_duration` reads back exactly."""
    unit = next(unit for unit in ("h", "m", "s", "ms", "us", "ns") if nanoseconds % UNITS[unit] == 0)
    return f"{nanoseconds // UNITS[unit]}{unit}"
