"""Who waits for whom, for the terminal: the verdict first, then the cycle line by line, the fix, and the rest in short."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unjam.diagnosis.hang import is_library
from unjam.reports.text import counted, duration, safe

if TYPE_CHECKING:
    from rich.console import RenderableType

    from unjam.model.findings import Finding
    from unjam.model.waits import Graph, Verdict
    from unjam.reports.page import Page

MOST_FINDINGS = 5
MOST_LEADS = 3
MOST_WAITS = 8
"""Of each on the first screen; --json has all."""
MOST_CYCLE = 14
"""Lines of one cycle: a pool of forty stuck workers needs no forty lines."""

_HEADS = {
    "UJ801": "DEADLOCK",
    "UJ802": "DEADLOCK IN A POOL",
    "UJ803": "LEAD",
    "UJ804": "DEAD CONSUMER",
    "UJ805": "LEAKED LOCK",
}


def render(graph: Graph, verdict: Verdict, page: Page, *, route: str) -> str:
    """Write the verdict on one process; `route` says how it was asked."""
    return page.print(*_parts(graph, verdict, page, route))


def _parts(graph: Graph, verdict: Verdict, page: Page, route: str) -> Iterator[RenderableType]:
    python = f"Python {safe(graph.python)}, " if graph.python else ""
    yield Text(f"pid {graph.pid}, {python}{route}", style="dim")
    yield Text(headline(graph, verdict), style="bold red" if verdict.findings else "bold")
    if graph.apart_ms is None and not verdict.findings:
        yield from threads(graph, page)
        yield from _suspended(graph, page)
    for found in verdict.findings[:MOST_FINDINGS]:
        yield Text("")
        yield from _finding(found, page)
    yield from _more(len(verdict.findings) - MOST_FINDINGS, "finding")
    for lead in verdict.leads[:MOST_LEADS]:
        yield Text("")
        yield from _finding(lead, page)
    yield from _more(len(verdict.leads) - MOST_LEADS, "lead")
    if verdict.waits and graph.apart_ms is not None:
        yield Text("")
        yield from _waits(verdict, page)
    for reason in graph.not_observed:
        yield Text(f"not observed: {safe(reason)}", style="dim")
    for kind, count in graph.truncated.items():
        yield Text(f"left out: {count:,} {safe(kind)}", style="dim")


def headline(graph: Graph, verdict: Verdict) -> str:
    """Say in one sentence whether anything is stuck."""
    kinds = [node.kind for node in graph.nodes.values()]
    seen = f"{counted(kinds.count('task'), 'task')}, {counted(kinds.count('thread'), 'thread')}"
    if graph.apart_ms is None and not verdict.findings:
        return f"{seen}; whether anything is stuck cannot be told from outside. Where they are:"
    if verdict.findings:
        stuck = sum(graph.nodes[key].kind in {"task", "thread"} for key in verdict.stuck)
        count = counted(len(verdict.findings), "reason")
        return f"Stuck: {counted(stuck, 'task or thread', 'tasks and threads')} of {seen} can never go on, for {count}."
    unmoved = f"{len(verdict.waits)} did not move in {duration(graph.apart_ms)}" if graph.apart_ms else ""
    leads = f" {counted(len(verdict.leads), 'lead')} to look at." if verdict.leads else ""
    return f"Nothing is stuck: {seen} looked at{', ' + unmoved if unmoved else ''}.{leads}"


def threads(graph: Graph, page: Page) -> Iterator[RenderableType]:
    """Say of each thread its innermost line of the user's and what it called there."""
    for node in graph.nodes.values():
        if node.kind != "thread" or node.stack < 0:
            continue
        stack = graph.stacks[node.stack]
        own = next((line for line in reversed(stack) if not is_library(line[0])), None)
        inner = stack[-1] if stack else ("", 0, "?")
        parked = any(line[2] == "BaseEventLoop._run_once" for line in stack[-2:])
        called = "" if parked or inner == own else f" -> {inner[2]} ({page.path(inner[0])}:{inner[1]})"
        where = f"at {page.place(*own)}" if own else "in no code of yours"
        what = "its loop waits for events, run" if parked else "is"
        yield Padding(Text(safe(f"{node.label}: {what} {where}{called}")), (0, 0, 0, 2))


def _suspended(graph: Graph, page: Page) -> Iterator[RenderableType]:
    """Say of the tasks of a process read from outside where they are suspended, equal ones in one line."""
    groups: dict[str, list[str]] = {}
    for node in graph.nodes.values():
        if node.kind == "task" and node.stack >= 0 and (stack := graph.stacks[node.stack]):
            own = next((line for line in reversed(stack) if not is_library(line[0])), stack[0])
            called = "" if own == stack[-1] else f" -> {stack[-1][2]}"
            groups.setdefault(f"at {page.place(*own)}{called}", []).append(node.label)
    for where, who in sorted(groups.items(), key=lambda group: -len(group[1]))[:MOST_WAITS]:
        name = who[0] if len(who) == 1 else f"{who[0]} and {len(who) - 1} more"
        yield Padding(Text(safe(f"{name}: {where}")), (0, 0, 0, 2))
    yield from _more(len(groups) - MOST_WAITS, "place")


def _finding(found: Finding, page: Page) -> Iterator[RenderableType]:
    head = Text(f"{_HEADS.get(found.rule, found.cause)} ", style="bold red").append(
        f"{found.rule} ({found.grade.label})", style="bold"
    )
    if found.culprit is not None:
        head.append("  " + page.place(found.culprit.file, found.culprit.line, found.culprit.function))
    yield head
    if len(found.cycle) == 1:
        yield Padding(Text(safe(found.message)), (0, 0, 0, 2))
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for number, sentence in enumerate(found.cycle[:MOST_CYCLE], start=1):
        table.add_row(str(number), Text(safe(sentence)))
    if len(found.cycle) > MOST_CYCLE:
        table.add_row("", Text(f"... {len(found.cycle) - MOST_CYCLE} more", style="dim"))
    for label, remedy in zip(("do", "or"), found.remedies, strict=False):
        cost = f" (costs: {safe(remedy.cost)})" if remedy.cost else ""
        table.add_row(label, Text(safe(remedy.text), style="green").append(cost, style="dim"))
    behind = f"{found.victim_count} more wait behind it; " if found.victim_count else ""
    table.add_row("more", Text(f"{behind}unjam explain {found.rule}", style="dim"))
    yield Padding(table, (0, 0, 0, 2))


def _waits(verdict: Verdict, page: Page) -> Iterator[RenderableType]:
    yield Text("Waits that did not move, and how they end:" if not verdict.findings else "Other waits:", style="bold")
    groups: dict[tuple[str, str, str], list[str]] = {}
    for wait in verdict.waits:
        place = page.place(wait.site.file, wait.site.line, wait.site.function) if wait.site else ""
        groups.setdefault((wait.what, place, wait.ends), []).append(wait.who)
    for (what, place, ends), who in list(groups.items())[:MOST_WAITS]:
        name = who[0] if len(who) == 1 else f"{who[0]} and {len(who) - 1} more"
        where = f" at {place}" if place else ""
        yield Padding(Text(safe(f"{name} {what}{where}: {ends}")), (0, 0, 0, 2))
    yield from _more(len(groups) - MOST_WAITS, "wait")


def _more(count: int, noun: str) -> Iterable[RenderableType]:
    return (
        [Padding(Text(f"... {counted(count, 'more ' + noun)}: --json has all", style="dim"), (0, 0, 0, 2))]
        if count > 0
        else []
    )
