"""The live view as one picture that fits the terminal: loops, stalls as they happen, pools, tasks."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from unjam.model.findings import Location
from unjam.model.live import LoopRow, TopView
from unjam.reports.page import Page
from unjam.reports.text import counted, duration, percent, safe

FIXED_LINES = 8
"""Headings and the bottom line."""
MOST_LOOPS_SHARE = 0.4
"""Of the free lines for loops where there are more of them; the rest is for stalls, pools and tasks."""


def draw(view: TopView, page: Page, *, height: int, sort: str, keys: bool) -> RenderableType:
    """Draw a picture of at most `height` lines; `keys` says whether keys are read."""
    free = max(4, height - FIXED_LINES)
    loops = view.loops[: max(2, int(free * MOST_LOOPS_SHARE))]
    pools = [pool for pool in view.pools if pool.queued or pool.busy][: max(1, (free - len(loops)) // 4)]
    left = max(2, free - len(loops) - len(pools))
    stalls = view.stalls[: max(1, left // 2)]
    tasks = view.tasks[: max(1, left - len(stalls))]
    parts: list[RenderableType] = [_loops(loops, page, sort)]
    parts += [
        Text(safe(f"pid {pid}: {reason}"), style="red", no_wrap=True) for pid, reason in list(view.silent.items())[:2]
    ]
    if stalls:
        table = _table("stall", "length", "pid", "where")
        for row in stalls:
            ago = f"{row.ago_s:.0f} s ago" if row.ended else "now"
            where = f"{_place(row.place, page)} {safe(row.leaf)}".strip()
            table.add_row(
                ago, Text(duration(row.length_ms), style="" if row.ended else "bold red"), str(row.pid), Text(where)
            )
        parts.append(table)
    if pools:
        table = _table("pool", "busy", "queued", "pid")
        for pool in pools:
            table.add_row(
                Text(safe(pool.name)),
                f"{_number(pool.busy)} of {_number(pool.limit)}",
                _number(pool.queued),
                str(pool.pid),
            )
        parts.append(table)
    if tasks:
        table = _table("tasks", "state", "coroutine")
        for count, state, coroutine in tasks:
            table.add_row(f"{count:,}", state, Text(safe(coroutine) or "?"))
        parts.append(table)
    summary = f"{counted(view.task_count, 'task')}, {counted(view.threads, 'thread')}"
    help_text = "   q quit, s sort" if keys else ""
    parts.append(Text(f"{summary}, {counted(len(view.loops), 'loop')}{help_text}", style="dim", no_wrap=True))
    return Group(*parts)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", expand=False)
    for name in columns:
        wide = name in {"where", "coroutine", "held by"}
        table.add_column(name, no_wrap=True, overflow="ellipsis" if wide else "crop", ratio=1 if wide else None)
    return table


def _loops(rows: tuple[LoopRow, ...], page: Page, sort: str) -> RenderableType:
    if not rows:
        return Text("no loop runs")
    marks = {name: f"{name}*" if name == sort else name for name in ("busy", "p99", "away", "pid")}
    table = _table(marks["pid"], "program", "loop", marks["busy"], marks["p99"], "longest", marks["away"], "held by")
    for row in rows:
        busy = row.busy_percent or 0
        table.add_row(
            str(row.pid),
            Text(safe(row.program)[:14]),
            Text(safe(row.thread)[:12]),
            Text(percent(row.busy_percent), style="red" if busy > 80 else "yellow" if busy > 40 else ""),  # noqa: PLR2004
            duration(row.p99_ms),
            duration(row.longest_ms),
            Text(duration(row.away_ms), style="bold red" if row.place else ""),
            Text(_place(row.place, page)),
        )
    return table


def _place(place: Location | None, page: Page) -> str:
    return page.place(place.file, place.line, place.function) if place else ""
