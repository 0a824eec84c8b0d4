"""The user's own line as source, with the call in it pointed at."""

from __future__ import annotations

import re

from rich.text import Text

from unjam.model.findings import Location
from unjam.model.session import Session
from unjam.reports.text import safe

WIDEST = 160
"""Columns of a source line where the page sets no bound: more would be data, not code."""


def excerpt(session: Session, place: Location, leaf: str, width: int = WIDEST) -> Text | None:
    """The line of a place with its number, and below it carets under the call of the leaf where it can be told."""
    source = source_line(session, place)
    if not source:
        return None
    gutter = f"{place.line} | "
    start, end = _call(source, leaf)
    source = cut(source, width - len(gutter))
    end = min(end, len(source))
    shown = Text(gutter, style="dim").append(source, style="not dim")
    if end > start:
        shown.stylize("bold not dim", len(gutter) + start, len(gutter) + end)
        shown.append("\n" + " " * (len(gutter) + start) + "^" * (end - start), style="not dim red")
    return shown


def cut(text: str, width: int) -> str:
    """Leave of a line what fits."""
    return text if len(text) <= width else f"{text[: max(width - 3, 0)]}..."


def source_line(session: Session, place: Location) -> str:
    """The line of a place without its indentation; "" where its file could not be read."""
    lines = session.sources.get(place.file, ())
    return safe(lines[place.line - 1].expandtabs(4).strip()) if 0 < place.line <= len(lines) else ""


def _call(source: str, leaf: str) -> tuple[int, int]:
    """Where the only call of the leaf's name stands in a line; (0, 0) where there is none, or more than one."""
    name = leaf.rpartition(".")[2]
    found = list(re.finditer(rf"(?:\w+\.)*\b{re.escape(name)}(?=\s*\()", source)) if name else []
    return found[0].span() if len(found) == 1 else (0, 0)
