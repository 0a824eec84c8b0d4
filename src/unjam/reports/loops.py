"""Each loop over its life: how long it was away, and how late it made others."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from unjam.model.session import LoopReport, Session
from unjam.reports.text import counted, duration, number, percent, safe

MOST = 6
"""Loops with a line of their own; a test suite makes hundreds, and the ones that were held come first."""


def table(session: Session) -> Table:
    """One line a loop, the most held first."""
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    grid.add_column("loop", overflow="fold")
    for heading in ("watched", "away", "lag p50", "p99", "max", "stalls"):
        grid.add_column(heading, justify="right", no_wrap=True)
    for loop in _shown(session):
        grid.add_row(_name(loop, several=len(session.pids) > 1), *_numbers(loop))
    return grid


def _shown(session: Session) -> list[LoopReport]:
    return sorted(session.loops, key=lambda loop: (-loop.stalled_ms, -loop.watched_s))[:MOST]


def _name(loop: LoopReport, *, several: bool) -> str:
    kind = "uvloop" if loop.type.startswith("uvloop") else loop.type.partition(".")[0]
    name = f"{safe(loop.thread) or '-'}, {safe(kind) or '-'}"
    return f"{loop.pid} {name}" if several else name


def _numbers(loop: LoopReport) -> tuple[str, ...]:
    return (
        duration(loop.watched_s * 1000),
        percent(loop.away_percent),
        duration(loop.lag_p50_ms),
        duration(loop.lag_p99_ms),
        duration(loop.lag_max_ms),
        number(loop.stalls),
    )


def remarks(session: Session) -> list[str]:
    """What the table leaves out: further loops, and what its dashes mean."""
    lines = []
    if (more := len(session.loops) - MOST) > 0:
        lines.append(f"and {counted(more, 'more loop')} (all of them: --json)")
    if any("-" in _numbers(loop) for loop in _shown(session)):
        lines.append("-  not measured")
    return lines


def watched(loops: Sequence[LoopReport]) -> str:
    """The numbers which show that a healthy program was really watched."""
    total = sum(loop.watched_s for loop in loops)
    parts = [f"Watched: {counted(len(loops), 'loop')}, {duration(total * 1000)}{' in all' if len(loops) > 1 else ''}"]
    turns = [loop.turns for loop in loops if loop.turns is not None]
    steps = [loop.steps for loop in loops if loop.steps is not None]
    parts.append(counted(sum(turns), "turn") if turns else "turns not measured")
    parts.append(counted(sum(steps), "step") if steps else "steps not measured")
    if lags := [loop.lag_max_ms for loop in loops if loop.lag_max_ms is not None]:
        parts.append(f"longest turn {duration(max(lags))}")
    if spans := [loop.longest_step_ms for loop in loops if loop.longest_step_ms is not None]:
        parts.append(f"longest step {duration(max(spans))}")
    return ", ".join(parts)
