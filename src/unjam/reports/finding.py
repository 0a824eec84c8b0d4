"""One finding in full, for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unjam.model.findings import Accounted, Finding, Remedy, Victim
from unjam.model.session import Session
from unjam.reports.chain import steps
from unjam.reports.excerpt import excerpt
from unjam.reports.page import Page
from unjam.reports.text import counted, duration, safe

MOST_VICTIMS = 3
MOST_EVIDENCE = 6
"""Lines of one kind in one finding: the rest is in the JSON report."""

_GRADES = {
    "proved": "proved",
    "exact": "exact",
    "inferred": "inferred from the evidence",
    "suspected": "suspected, not proved",
    "unknown": "the cause is not known",
}

_INDENT = (0, 0, 0, 3)
_DEEP = (0, 0, 0, 6)


def full(session: Session, finding: Finding, rank: int, page: Page) -> Iterator[RenderableType]:
    """Everything that helps with one finding, most wanted first."""
    yield title(finding, rank, page)
    yield Padding(Text(page.text(finding.message)), _INDENT)
    shown = finding.culprit and excerpt(session, finding.culprit, finding.leaf, page.width - _DEEP[3])
    if shown:
        yield Padding(shown, _DEEP)
    yield Padding(table(_facts(session, finding, page)), _INDENT)


def title(finding: Finding, rank: int, page: Page) -> Text:
    """Rank, rule, cause and place in one line."""
    text = Text(f"{rank}. ").append(name(finding), style="bold red")
    return text.append("  ").append(where(finding, page), style="bold")


def name(finding: Finding) -> str:
    """Rule and cause: `UJ104 http`; what is not known has a cause only."""
    return safe(f"{finding.rule} {finding.cause}".strip())


def where(finding: Finding, page: Page) -> str:
    """The culprit's place, or what stands for it where nobody is accused."""
    place = finding.culprit
    if place is not None:
        return page.place(place.file, place.line, place.function)
    return safe(finding.leaf) or "no line of yours"


def _facts(session: Session, finding: Finding, page: Page) -> Iterator[tuple[str, str]]:
    if finding.total_ms:
        yield "cost", cost(finding)
    yield from labelled("cycle", map(page.text, finding.cycle))
    yield from labelled("path", steps(finding.chain, page))
    yield from _who(session, finding)
    if spent := accounted(finding.accounted):
        yield "time", spent
    proof = [item for item in finding.evidence if item.kind != "request"]
    yield from labelled("proof", (page.text(item.text) for item in proof[:MOST_EVIDENCE]))
    yield "grade", _GRADES.get(finding.grade.label, finding.grade.label)
    if waited := victims(finding.victims, finding.victim_count):
        yield "waited", waited
    yield from todo(finding.remedies, page)
    yield (
        "more",
        f"unjam explain {finding.rule}" if finding.rule else "unjam doctor (what can be seen here, and what cannot)",
    )


def todo(remedies: Iterable[Remedy], page: Page) -> Iterator[tuple[str, str]]:
    """The first things to do, each with what it costs."""
    for label, remedy in zip(("do", "or"), remedies, strict=False):
        yield label, page.text(remedy.text) + (f" (costs: {page.text(remedy.cost)})" if remedy.cost else "")


def table(rows: Iterable[tuple[str, str]]) -> Table:
    """Labelled lines, the text of which wraps beside its label."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold", ratio=1)
    for label, text in rows:
        grid.add_row(label, Text(text))
    return grid


def labelled(label: str, texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Rows of a table with one label for all of them."""
    for index, text in enumerate(texts):
        yield ("" if index else label), text


def _who(session: Session, finding: Finding) -> Iterator[tuple[str, str]]:
    if finding.task is not None:
        yield "task", f"{safe(finding.task.name)}, coroutine {safe(finding.task.coroutine)}"
    elif finding.culprit is not None and finding.leaf not in {"", finding.culprit.function}:
        yield "call", safe(finding.leaf)
    requests = (item.text.removeprefix("in request ") for item in finding.evidence if item.kind == "request")
    if named := safe(", ".join(requests)):
        yield "request", named
    if len(session.pids) > 1 or finding.thread not in {"", "MainThread"}:
        yield "thread", f"{safe(finding.thread) or '-'} of pid {finding.pid}"


def cost(finding: Finding) -> str:
    """How often and how long, with the longest and the span where there is more than one."""
    if finding.count <= 1:
        return f"{duration(finding.total_ms)}, {duration(finding.first_s * 1000)} after the start"
    span = f"between {duration(finding.first_s * 1000)} and {duration(finding.last_s * 1000)} after the start"
    return f"{duration(finding.total_ms)}, {finding.count:,} times, the longest {duration(finding.max_ms)}, {span}"


def accounted(spent: Accounted) -> str:
    """Where the wall time went, largest first; what was not measured is named as that."""
    parts = {
        "waiting in the kernel": spent.kernel,
        "on the CPU": spent.cpu,
        "waiting for the GIL": spent.gil,
        "waiting for a CPU": spent.runqueue,
        "unexplained": spent.unexplained,
    }
    known = sorted(((ms, name) for name, ms in parts.items() if ms is not None), reverse=True)
    shown = [f"{duration(ms)} {name}" for ms, name in known if ms >= 0.5]  # noqa: PLR2004  less rounds to nothing
    missing = [name for name, ms in parts.items() if ms is None and name != "unexplained"]
    if shown and missing:
        shown.append(f"not measured: {', '.join(missing)}")
    return ", ".join(shown)


def victims(worst: tuple[Victim, ...], count: int) -> str:
    """How many had to wait, and the worst of them."""
    if not count and not worst:
        return ""
    named = [_waited(victim) for victim in worst[:MOST_VICTIMS]]
    total = counted(max(count, len(worst)), "other")
    return f"{total}: {', '.join(named)}" if named else total


def _waited(victim: Victim) -> str:
    """Since when a timer or a request was late is known; the others have waited since some time in the stall."""
    times = f"{victim.count} x " if victim.count > 1 else ""
    most = "up to " if victim.kind in {"task", "callback"} else ""
    return f"{times}{safe(victim.kind)} {safe(victim.name)} {most}{duration(victim.delay_ms)}"
