"""The report for people: the verdict, the loops, the findings by time stolen, and what was not seen."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from unjam.model.endings import ending
from unjam.model.findings import Finding
from unjam.model.session import Allowed, Session
from unjam.reports import finding as findings
from unjam.reports import loops, timeouts
from unjam.reports.excerpt import cut, source_line
from unjam.reports.page import Page
from unjam.reports.text import counted, duration, safe

MOST_FINDINGS = 10
"""Findings shown in full; what comes after them has stolen little, and stays in the list above them and in the JSON."""
MOST_LISTED = 20


def render(session: Session, page: Page) -> str:
    """Write a session as text of the page's width; every string of the program is escaped."""
    return page.print(*_parts(session, page))


def _parts(session: Session, page: Page) -> Iterator[RenderableType]:
    yield _heading(session)
    yield ""
    yield Text(verdict(session, page), style="bold")
    yield from _numbers(session)
    others = [found for found in session.findings if found.rule != timeouts.RULE]
    yield from _ranking(session, others, page)
    for rank, found in enumerate(others[:MOST_FINDINGS], start=1):
        yield ""
        yield from findings.full(session, found, rank, page)
    if (more := len(others) - MOST_FINDINGS) > 0:
        yield ""
        yield Text(
            f"{counted(more, 'more finding')} of the list above without details (all of them: --json)", style="dim"
        )
    if session.timeouts:
        yield ""
        yield from timeouts.section(session, page)
    yield from _remarks(session, page)


def _heading(session: Session) -> Text:
    facts = [duration(session.duration_s * 1000), counted(len(session.pids), "process", "processes")]
    facts += [f"python {safe(version)}" for version in session.pythons]
    facts += [f"{safe(tier)} tier" for tier in session.tiers]
    if session.exit_code is not None:
        facts.append(ending(session.exit_code))
    return Text("unjam: ").append(safe(session.program) or "-", style="bold").append(f"  {', '.join(facts)}")


def verdict(session: Session, page: Page) -> str:
    """The sentence on top: the diagnosis' own, or what can be said without one."""
    if not session.pids:
        return "No Python process was watched."
    if not session.loops:
        ran = "Python " + ", ".join(map(safe, session.pythons)) if session.pythons else "Python"
        return f"No event loop ran in {counted(len(session.pids), 'process', 'processes')} ({ran})."
    if session.verdict:
        sentence = page.text(session.verdict)
        return sentence[:1].upper() + sentence[1:]
    held = f"held the loop for {duration(session.threshold_ms)} or more"
    if session.findings:
        return f"{counted(len(session.findings), 'cause')} {held}."
    if any(loop.turns is None for loop in session.loops):
        return f"Nothing was seen that {held}."
    return f"Nothing {held}."


def _numbers(session: Session) -> Iterator[RenderableType]:
    if not session.loops:
        return
    if not any(loop.stalls for loop in session.loops):
        yield Text(loops.watched(session.loops))
    yield ""
    yield Padding(loops.table(session), (0, 0, 0, 2))
    for line in loops.remarks(session):
        yield Padding(Text(line, style="dim"), (0, 0, 0, 2))


def _ranking(session: Session, found: list[Finding], page: Page) -> Iterator[RenderableType]:
    """The findings by time stolen, two lines each: only where there is more than one to rank."""
    if len(found) < 2:  # noqa: PLR2004  one needs no ranking
        return
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right")
    grid.add_column(justify="right", no_wrap=True, style="bold")
    grid.add_column(overflow="fold", ratio=1)
    listed = found[:MOST_LISTED]
    # Indentation, rank with its dot, time, and two columns after each.
    taken = 2 + len(f"{len(listed)}.") + 2 + max(len(duration(item.total_ms)) for item in listed) + 2
    for rank, item in enumerate(listed, start=1):
        grid.add_row(f"{rank}.", duration(item.total_ms), _listed(session, item, page, page.width - taken))
    yield ""
    yield Padding(grid, (0, 0, 0, 2))
    if (more := len(found) - MOST_LISTED) > 0:
        yield Padding(Text(f"and {counted(more, 'more finding')} (all of them: --json)", style="dim"), (0, 0, 0, 2))


def _listed(session: Session, item: Finding, page: Page, width: int) -> Text:
    text = Text().append(findings.name(item), style="red")
    text.append(f"  {findings.where(item, page)}")
    if item.count > 1:
        text.append(f"  {item.count:,} times, longest {duration(item.max_ms)}", style="dim")
    if source := item.culprit and source_line(session, item.culprit):
        text.append(f"\n{cut(source, width)}")
    return text


def _remarks(session: Session, page: Page) -> Iterator[RenderableType]:
    lines = list(findings.labelled("allowed", (_allowed(each, page) for each in session.allowed)))
    lines += findings.labelled("allowances", map(page.text, session.notices))
    lines += findings.labelled("not observed", map(page.text, session.not_observed))
    if session.dropped:
        lines.append(
            ("dropped", f"{counted(session.dropped, 'event')}: counts and times above are the least there was")
        )
    if session.folder:
        lines.append(("recording", f"{page.path(session.folder)}  (unjam report shows it again)"))
    if not lines:
        return
    yield ""
    yield findings.table(lines)


def _allowed(allowed: Allowed, page: Page) -> str:
    found = allowed.finding
    where = f"{findings.name(found)}  {findings.where(found, page)}"
    return f"{where}, {duration(found.total_ms)}: {page.text(allowed.reason) or 'no reason given'}"
