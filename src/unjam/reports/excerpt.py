"""The user's own line as source, with the call in it pointed at."""

from __future__ import annotations

import re

from rich.text import Text

from unjam.model.findings import Location
from unjam.model.session import Session
from unjam.reports.text import safe

_CUT = "..."
"""Stands for what is cut off."""


def excerpt(session: Session, place: Location, leaf: str, width: int) -> Text | None:
    """The line of a place with its number, and below it carets under the call of the leaf where it can be told."""
    source = source_line(session, place)
    if not source:
        return None
    gutter = f"{place.line} | "
    source, (start, end) = _around(source, _call(source, leaf), width - len(gutter))
    shown = Text(gutter, style="dim").append(source, style="not dim")
    if end > start:
        shown.stylize("bold not dim", len(gutter) + start, len(gutter) + end)
        shown.append("\n" + " " * (len(gutter) + start) + "^" * (end - start), style="not dim red")
    return shown


def cut(text: str, width: int) -> str:
    """Leave of a line what fits."""
    return text if len(text) <= width else text[: max(width - len(_CUT), 0)] + _CUT


def _around(text: str, call: tuple[int, int], width: int) -> tuple[str, tuple[int, int]]:
    """Leave of a line what fits, its call too where that fits, and say where the call stands then."""
    start, end = call
    fits = end - start <= width - 2 * len(_CUT)
    if len(text) <= width:
        return text, call
    if end <= width - len(_CUT) or not fits:
        return cut(text, width), (start, min(end, width - len(_CUT)))
    dropped = min(end + len(_CUT), len(text)) + len(_CUT) - width
    moved = len(_CUT) - dropped
    return cut(_CUT + text[dropped:], width), (start + moved, end + moved)


def source_line(session: Session, place: Location) -> str:
    """The line of a place without its indentation; "" where its file could not be read."""
    lines = session.sources.get(place.file, ())
    return safe(lines[place.line - 1].expandtabs(4).strip()) if 0 < place.line <= len(lines) else ""


def _call(source: str, leaf: str) -> tuple[int, int]:
    """Where the only call of the leaf's name stands in a line; (0, 0) where there is none, or more than one."""
    name = leaf.rpartition(".")[2]
    found = list(re.finditer(rf"(?:\w+\.)*\b{re.escape(name)}(?=\s*\()", source)) if name else []
    return found[0].span() if len(found) == 1 else (0, 0)
