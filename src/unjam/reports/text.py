"""Numbers and foreign strings as text that is safe to print."""

from __future__ import annotations

import math

_SCALE = (
    # below (ms), unit, one unit in ms, digits: three digits are enough for a reader
    (9.95, "ms", 1, 1),
    (999.5, "ms", 1, 0),
    (9_995, "s", 1_000, 2),
    (59_950, "s", 1_000, 1),
)
_LEAST_PERCENT = 0.1
_LEAST_MS = 0.05


def safe(text: str) -> str:
    r"""Make a string of the watched program harmless: what a terminal would obey or hide is written as `\x1b`.

    Everything that `str.isprintable` refuses is escaped: control characters, bidirectional overrides, lone surrogates.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def duration(ms: float | None) -> str:
    """Write milliseconds as a reader would say them: `0.4 ms`, `812 ms`, `2.31 s`, `14 min 2 s`; `-` is not measured."""
    if ms is None or not math.isfinite(ms):
        return "-"
    if 0 < ms < _LEAST_MS:
        return "<0.1 ms"
    for below, unit, size, digits in _SCALE:
        if ms < below:
            return f"{ms / size:.{digits if ms else 0}f} {unit}"
    minutes, seconds = divmod(round(ms / 1000), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {seconds} s"


def percent(value: float | None) -> str:
    """Write a percentage; what is there but rounds to nothing is `<0.1 %`, `-` is not measured."""
    if value is None or not math.isfinite(value):
        return "-"
    return "<0.1 %" if 0 < value < _LEAST_PERCENT else f"{value:.1f} %"


def number(value: int | None) -> str:
    """Write a count with thousands marked; `-` is not measured."""
    return "-" if value is None else f"{value:,}"


def counted(value: int, noun: str, plural: str = "") -> str:
    """Write a count with its noun: `1 task`, `1,204 tasks`."""
    return f"{value:,} {noun if value == 1 else plural or noun + 's'}"
