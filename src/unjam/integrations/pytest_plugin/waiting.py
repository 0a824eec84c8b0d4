"""Who waits for whom, as the text of a failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unjam.diagnosis.hang import is_library, verdict
from unjam.integrations.pytest_plugin.wording import HANGS, STILL, relative

if TYPE_CHECKING:
    from unjam.model.findings import Finding, Location
    from unjam.model.waits import Graph, Verdict, Wait

MOST_WAITS = 8
MOST_CYCLE = 12
"""Lines of each in a failure: `unjam hang` has all of them, this one has to be read in a log."""


def text_of(graph: Graph, *, seconds: float) -> str:
    """What is stuck and why, then what else waits, for a test that has not got on for some seconds."""
    found = verdict(graph, place=_place)
    head = STILL if _ends(found) else f"{HANGS} it has not got on for"
    return "\n".join([f"{head} {seconds:.0f} s", *_lines(graph, found)])


def _ends(found: Verdict) -> bool:
    """Whether all that waits in code of the user's is known to end: a long sleep, a child process, an answer from elsewhere."""
    waits = _own(found)
    return (
        not found.findings and not found.leads and bool(waits) and all(wait.ends.startswith("ends ") for wait in waits)
    )


def _own(found: Verdict) -> list[Wait]:
    return [wait for wait in found.waits if wait.site is None or _is_own(wait.site)]


def _lines(graph: Graph, found: Verdict) -> Iterator[str]:
    for finding in (*found.findings, *found.leads):
        yield ""
        yield from _paragraph(finding)
    waits = _own(found)
    if waits:
        yield ""
        yield "what waits:" if not found.findings else "what else waits:"
    for wait in waits[:MOST_WAITS]:
        where = f" at {_place(wait.site)}" if wait.site else ""
        yield f"    {wait.who} {wait.what}{where}: {wait.ends}"
    if len(waits) > MOST_WAITS:
        yield f"    and {len(waits) - MOST_WAITS} more"
    yield from (f"not observed: {reason}" for reason in graph.not_observed)


def _paragraph(finding: Finding) -> Iterator[str]:
    where = f"  {_place(finding.culprit)}" if finding.culprit else ""
    yield f"{finding.rule} {finding.cause} ({finding.grade.label}){where}"
    if len(finding.cycle) < 2:  # noqa: PLR2004 -- one wait is told as well by the message
        yield f"    {finding.message}"
    else:
        yield from (f"    {number}. {each}" for number, each in enumerate(finding.cycle[:MOST_CYCLE], 1))
    for index, remedy in enumerate(finding.remedies[:2]):
        cost = f" (costs: {remedy.cost})" if remedy.cost else ""
        yield f"    {'or' if index else 'do'}: {remedy.text}{cost}"
    yield f"    more: unjam explain {finding.rule}"


def _place(site: Location) -> str:
    return f"{relative(site.file)}:{site.line} in {site.function}"


def _is_own(site: Location) -> bool:
    return not is_library(site.file)
