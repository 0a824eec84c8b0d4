"""One line a finding, in the form that editors and grep know."""

from __future__ import annotations

from unjam.reports.source.view import Shown
from unjam.reports.text import safe


def render(shown: Shown) -> str:
    """`path:line:column: CODE severity message [grade]`, then the summary."""
    lines = [
        f"{safe(shown.relative(each.path))}:{each.line}:{each.column}: {each.rule} {each.severity.label}: "
        f"{safe(each.finding.message)}{_through(each.route)} [{each.finding.grade.label}]"
        for each in shown.problems
    ]
    return "\n".join([*lines, *map(safe, shown.summary()), ""])


def _through(route: str) -> str:
    return f", reached from {safe(route)}" if route else ""
