"""One line a finding, in the form that editors and grep know."""

from __future__ import annotations

from unjam.model.findings import Finding
from unjam.reports.source.view import Shown
from unjam.reports.text import duration, safe


def render(shown: Shown) -> str:
    """`path:line:column: CODE severity message [grade]`, what was seen at run time only, then the summary."""
    lines = [
        f"{safe(shown.relative(each.path))}:{each.line}:{each.column}: {each.rule} {each.severity.label}: "
        f"{safe(each.finding.message)}{_through(each.route)}{_measured(each.measured_ms)} [{each.finding.grade.label}]"
        for each in shown.problems
    ]
    seen = [_seen(shown, each) for each in shown.result.seen_only]
    return "\n".join([*lines, *seen, *map(safe, shown.summary()), ""])


def _seen(shown: Shown, finding: Finding) -> str:
    place = finding.culprit
    where = f"{safe(shown.relative(place.file))}:{place.line}:1: " if place else ""
    return f"{where}{finding.rule} seen at run time only: {safe(finding.leaf)}{_measured(finding.total_ms)} [{finding.grade.label}]"


def _measured(milliseconds: float | None) -> str:
    return f", {duration(milliseconds)} measured" if milliseconds is not None else ""


def _through(route: str) -> str:
    return f", reached from {safe(route)}" if route else ""
