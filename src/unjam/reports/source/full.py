"""The report for people: each finding with its line, the way that leads there, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unjam.model.findings import Finding, Location
from unjam.model.session import Session
from unjam.reports.chain import steps
from unjam.reports.excerpt import excerpt
from unjam.reports.source.view import Shown, callers
from unjam.reports.text import duration, safe
from unjam.static.result import Problem, Severity

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold blue"}
_INDENT = (0, 0, 0, 3)
_DEEP = (0, 0, 0, 6)
_MOST_REMEDIES = 2


def render(shown: Shown) -> str:
    """All findings, worst first, then the summary."""
    parts: list[RenderableType] = []
    for problem in shown.problems:
        parts += [*_problem(shown, problem), Text("")]
    if shown.result.seen_only:
        parts += [*_seen_only(shown), Text("")]
    if shown.statistics:
        parts += [_statistics(shown), Text("")]
    return shown.page.print(*parts, *(Text(safe(line)) for line in shown.summary()))


def _problem(shown: Shown, problem: Problem) -> Iterator[RenderableType]:
    finding = problem.finding
    place = finding.culprit or Location(problem.path, problem.line, "")
    title = Text(f"{problem.severity.label} {problem.rule} {safe(finding.cause)}", style=_STYLES[problem.severity])
    yield title.append(f"  {shown.page.place(place.file, place.line, place.function)}", style="bold")
    yield Padding(Text(safe(finding.message)), _INDENT)
    session = Session("", 0.0, 0.0, 0.0, (), (), (), sources=shown.sources)
    source = excerpt(session, place, finding.leaf, shown.page.width - _DEEP[3])
    if source:
        yield Padding(source, _DEEP)
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold", ratio=1)
    for label, text in _facts(shown, problem):
        facts.add_row(label, Text(text))
    yield Padding(facts, _INDENT)


def _facts(shown: Shown, problem: Problem) -> Iterator[tuple[str, str]]:
    finding = problem.finding
    if problem.measured_ms is not None:
        yield "cost", f"{duration(problem.measured_ms)} measured in the recording"
    if problem.route:
        yield "route", safe(problem.route)
    if len(finding.chain) > 1:
        for index, text in enumerate(steps(finding.chain, shown.page)):
            yield "" if index else "path", text
    if len(problem.callers) > 1:
        yield "callers", safe(callers(problem))
    if problem.also:
        yield "also", "line " + ", ".join(map(str, problem.also))
    for index, evidence in enumerate(finding.evidence):
        yield "" if index else "proof", safe(evidence.text)
    yield "grade", finding.grade.label
    for label, remedy in zip(("do", "or"), finding.remedies[:_MOST_REMEDIES], strict=False):
        yield label, safe(remedy.text) + (f" (costs: {safe(remedy.cost)})" if remedy.cost else "")
    yield "more", f"unjam explain {finding.rule}; silence this one: # unjam: allow[{finding.rule}] reason"


def _seen_only(shown: Shown) -> Iterator[RenderableType]:
    yield Text("Seen at run time, not found in source:", style="bold")
    for finding in shown.result.seen_only:
        yield Padding(Text(_seen(shown, finding)), _INDENT)


def _seen(shown: Shown, finding: Finding) -> str:
    place = finding.culprit
    where = shown.page.place(place.file, place.line, place.function) if place else "no line of yours"
    return f"{finding.rule} {safe(finding.leaf)}  {where}  {duration(finding.total_ms)}"


def _statistics(shown: Shown) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    for (rule, cause), count in sorted(Counter((each.rule, each.finding.cause) for each in shown.problems).items()):
        table.add_row(f"{count:,}", rule, cause)
    return table
