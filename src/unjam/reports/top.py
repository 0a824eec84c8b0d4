"""The live view as one picture that fits the terminal: loops, stalls as they happen, pools, tasks."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from unjam.model.findings import Location
from unjam.model.live import LoopRow, StallRow, TopView
from unjam.reports.page import Page
from unjam.reports.text import counted, duration, percent, safe

FIXED_LINES = 8
"""Headings and the bottom line."""
_GAP = 2
"""Columns between two columns of a table."""
_WIDE, _LEAST = ("where", "coroutine", "held by", "pool"), 12
"""The column of a table that gives way, and how much of it is left."""
_PLACES = frozenset({"where", "held by"})
_SPARED = ("program", "longest", "loop")
"""Columns that are left out where there is no room for all, in this order."""
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
        rows = [_stall(row, page) for row in stalls]
        parts.append(_table(("stall", "length", "pid", "where"), rows, page.width))
    if pools:
        taken = [f"{_number(pool.busy)} of {_number(pool.limit)}" for pool in pools]
        rows = [
            (safe(pool.name), busy, _number(pool.queued), str(pool.pid))
            for pool, busy in zip(pools, taken, strict=True)
        ]
        parts.append(_table(("pool", "busy", "queued", "pid"), rows, page.width))
    if tasks:
        rows = [(f"{count:,}", state, safe(coroutine) or "?") for count, state, coroutine in tasks]
        parts.append(_table(("tasks", "state", "coroutine"), rows, page.width))
    summary = f"{counted(view.task_count, 'task')}, {counted(view.threads, 'thread')}"
    help_text = "   q quit, s sort" if keys else ""
    parts.append(Text(f"{summary}, {counted(len(view.loops), 'loop')}{help_text}", style="dim", no_wrap=True))
    return Group(*parts)


def _stall(row: StallRow, page: Page) -> tuple[str | Text, ...]:
    ago = f"{row.ago_s:.0f} s ago" if row.ended else "now"
    length = Text(duration(row.length_ms), style="" if row.ended else "bold red")
    return ago, length, str(row.pid), f"{_place(row.place, page)} {safe(row.leaf)}".strip()


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str | Text]], width: int) -> Table:
    """Names and places are cut where the page is narrow, then columns left out: a number without its last digit is another one."""
    cells = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    widths = {
        name: max(len(name), *(row[place].cell_len for row in cells), 0) + _GAP for place, name in enumerate(columns)
    }
    wide = next(name for name in _WIDE if name in widths)
    shown = dict.fromkeys(columns)
    for name in _SPARED:
        if sum(widths[each] for each in shown if each != wide) > width - _LEAST:
            shown.pop(name, None)
    room = max(_LEAST, width - sum(widths[each] for each in shown if each != wide))
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim", expand=False)
    for name in shown:
        table.add_column(name, no_wrap=True)
    for row in cells:
        _cut(row[columns.index(wide)], room, is_place=wide in _PLACES)
        table.add_row(*(cell for name, cell in zip(columns, row, strict=True) if name in shown))
    return table


def _cut(text: Text, room: int, *, is_place: bool) -> None:
    """Cut a name at its end, a place at its beginning: file, line and function say more than the folders above."""
    if is_place and text.cell_len > room:
        text.plain = f"…{text.plain[1 - room :]}"
    text.truncate(room, overflow="ellipsis")


def _loops(rows: tuple[LoopRow, ...], page: Page, sort: str) -> RenderableType:
    if not rows:
        return Text("no loop runs")
    marks = {name: f"{name}*" if name == sort else name for name in ("busy", "p99", "away", "pid")}
    columns = (marks["pid"], "program", "loop", marks["busy"], marks["p99"], "longest", marks["away"], "held by")
    return _table(columns, [_loop(row, page) for row in rows], page.width)


def _loop(row: LoopRow, page: Page) -> tuple[str | Text, ...]:
    busy = row.busy_percent or 0
    return (
        str(row.pid),
        safe(row.program)[:14],
        safe(row.thread)[:12],
        Text(percent(row.busy_percent), style="red" if busy > 80 else "yellow" if busy > 40 else ""),  # noqa: PLR2004
        duration(row.p99_ms),
        duration(row.longest_ms),
        Text(duration(row.away_ms), style="bold red" if row.place else ""),
        _place(row.place, page),
    )


def _place(place: Location | None, page: Page) -> str:
    return page.place(place.file, place.line, place.function) if place else ""
