"""What holds each loop of a process right now, on one screen; for a healthy one what it waits for and how busy it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unjam.model.findings import Finding, Location
from unjam.model.live import LoopNow, ProcessNow
from unjam.model.session import Session
from unjam.reports import finding as findings
from unjam.reports.excerpt import source_line
from unjam.reports.page import Page
from unjam.reports.text import counted, duration, percent, safe

MOST_GROUPS = 5
MOST_FRAMES = 4
_INDENT = (0, 0, 0, 2)


def render(now: ProcessNow, page: Page, *, route: str) -> str:
    """Write one process; `route` says how it was asked."""
    return page.print(*_parts(now, page, route))


def _parts(now: ProcessNow, page: Page, route: str) -> Iterator[RenderableType]:
    tier = f", {safe(now.tier)} tier" if now.tier else ""
    yield Text(f"pid {now.pid}, Python {safe(now.python)}{tier}, {route}", style="dim")
    if not now.loops:
        yield Text("No loop runs in this process now.", style="bold")
    for loop in now.loops:
        yield from _loop(loop, now, page)
    for past in now.stalled[:3]:
        yield Text(_past(past, page), style="dim")
    for reason in now.not_observed:
        yield Text(f"not observed: {safe(reason)}", style="dim")


def _past(past: Finding, page: Page) -> str:
    times = f" ({past.count} times)" if past.count > 1 else ""
    waited = findings.victims(past.victims, past.victim_count)
    late = f"; made late: {waited}" if waited else ""
    return (
        f"before: {past.rule} {safe(past.cause)} {duration(past.max_ms)}{times} at {findings.where(past, page)}{late}"
    )


def _loop(loop: LoopNow, now: ProcessNow, page: Page) -> Iterator[RenderableType]:
    stalled = loop.away_ms is not None and loop.away_ms >= now.threshold_ms
    if stalled:
        yield Text(f"The loop of {safe(loop.thread)} has been away for {duration(loop.away_ms)}.", style="bold red")
        yield from _held(loop, now, page)
    else:
        yield Text(f"The loop of {safe(loop.thread)} is healthy: {_health(loop)}.", style="bold green")
    yield from _groups(loop, stalled=stalled)


def _health(loop: LoopNow) -> str:
    doing = "it waits for events" if loop.away_ms is None else f"in a turn for {duration(loop.away_ms)}"
    busy = f"busy {percent(loop.busy_percent)} of the last {duration(loop.over_s * 1e3)}"
    return (
        f"{doing}, {busy}, {percent(loop.busy_ever_percent)} since it began, longest turn {duration(loop.longest_ms)}"
    )


def _held(loop: LoopNow, now: ProcessNow, page: Page) -> Iterator[RenderableType]:
    session = Session(
        program="",
        started_wall=0,
        duration_s=0,
        threshold_ms=now.threshold_ms,
        pids=(now.pid,),
        pythons=(),
        tiers=(),
        sources=now.sources,
    )
    inner = replace(page, width=page.width - _INDENT[3])
    for rank, found in enumerate(loop.findings[:2], start=1):
        yield Padding(_grid(findings.full(session, found, rank, inner)), _INDENT)
    if not loop.findings:
        yield from _place(loop, session, page)
    if loop.holds:
        yield Padding(Text(f"{safe(loop.holds)}: unjam hang {now.pid} says whether that can end"), _INDENT)


def _grid(parts: Iterator[RenderableType]) -> Table:
    table = Table.grid()
    table.add_column(ratio=1)
    for part in parts:
        table.add_row(part)
    return table


def _place(loop: LoopNow, session: Session, page: Page) -> Iterator[RenderableType]:
    """Say where the thread is, where no stall has been written yet that would say why."""
    shown: list[Location] = [loop.place] if loop.place else list(loop.stack[-MOST_FRAMES:])
    for place in shown:
        yield Padding(Text(f"at {page.place(place.file, place.line, place.function)}"), _INDENT)
        line = source_line(session, place)
        if line:
            yield Padding(Text(f"{place.line} | {line}"), (0, 0, 0, 5))
    if loop.task:
        yield Padding(Text(f"in {safe(loop.task)}"), _INDENT)


def _groups(loop: LoopNow, *, stalled: bool) -> Iterator[RenderableType]:
    ready = sum(group.count for group in loop.waiting if not group.what)
    queued = f", {counted(loop.ready, 'callback')} queued" if loop.ready else ""
    total = sum(group.count for group in loop.waiting)
    if total or queued:
        held_up = " held up by it" if stalled and ready else ""
        yield Padding(Text(f"{counted(total, 'task')} wait, {ready} of them ready to run{held_up}{queued}:"), _INDENT)
    table = Table.grid(padding=(0, 2, 0, 0))
    for group in loop.waiting[:MOST_GROUPS]:
        what = f"waits for {safe(group.what)}" if group.what else "is ready to run"
        table.add_row(Text(f"{group.count:,}", justify="right"), Text(safe(group.coroutine) or "?"), Text(what))
    if loop.waiting:
        yield Padding(table, (0, 0, 0, 4))
    if len(loop.waiting) > MOST_GROUPS:
        yield Padding(Text(f"... {counted(len(loop.waiting) - MOST_GROUPS, 'more kind')}", style="dim"), (0, 0, 0, 4))
