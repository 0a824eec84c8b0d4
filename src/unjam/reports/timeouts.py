"""Whose fault the timeouts were: a section of the report, and the whole of `unjam timeouts`."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from unjam.model.session import Session
from unjam.model.timeouts import Fault, TimeoutGroup
from unjam.reports.finding import table, todo
from unjam.reports.page import Page
from unjam.reports.text import counted, safe

RULE = "UJ701"

MOST = 20
"""Groups that are shown; the rest is in the JSON report."""

_FAULTS = {
    Fault.LOOP: ("OURS: the loop", "bold red"),
    Fault.POOL: ("OURS: a full pool", "bold red"),
    Fault.PEER: ("THEIRS", "bold green"),
    Fault.UNKNOWN: ("CANNOT TELL", "bold yellow"),
}
_OURS = {Fault.LOOP, Fault.POOL}


def render(session: Session, page: Page) -> str:
    """Write the timeouts of a session."""
    if not session.timeouts:
        return page.print(Text("No timeout fired that unjam saw."))
    return page.print(*section(session, page))


def section(session: Session, page: Page) -> Iterator[RenderableType]:
    """Each group of equal timeouts, ours first, then what to do about those."""
    ranked = sorted(session.timeouts, key=lambda group: (group.fault not in _OURS, -group.count))
    ours = sum(group.count for group in ranked if group.fault in _OURS)
    fired = counted(sum(group.count for group in ranked), "timeout")
    yield Text(f"{fired} fired, {ours:,} not the other side's fault", style="bold")
    for group in ranked[:MOST]:
        yield _title(group, page)
        yield Padding(Text(page.text(group.text)), (0, 0, 0, 6))
        yield Padding(table(_facts(group, page)), (0, 0, 0, 6))
    if (more := len(ranked) - MOST) > 0:
        yield Text(f"  and {counted(more, 'more group')} (all of them: --json)", style="dim")
    found = next((found for found in session.findings if found.rule == RULE), None)
    if found is not None:
        yield Padding(table([*todo(found.remedies, page), ("more", f"unjam explain {RULE}")]), (1, 0, 0, 2))


def _title(group: TimeoutGroup, page: Page) -> Text:
    verdict, style = _FAULTS[group.fault]
    text = Text(f"  {group.count:,}x  ").append(verdict, style=style).append(f"  {safe(group.kind)}")
    if group.place is not None:
        text.append(f"  {page.place(group.place.file, group.place.line, group.place.function)}")
    return text


def _facts(group: TimeoutGroup, page: Page) -> Iterator[tuple[str, str]]:
    if group.coroutine:
        yield "in", safe(group.coroutine)
    for index, blamed in enumerate(group.blamed if group.fault is Fault.LOOP else ()):
        yield "" if index else "away", page.text(blamed)
