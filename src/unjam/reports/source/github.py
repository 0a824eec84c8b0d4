"""Annotations of a GitHub workflow.

Source: https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

from unjam.reports.source.view import Shown
from unjam.static.result import Problem, Severity

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(shown: Shown) -> str:
    """One workflow command a finding."""
    return "".join(f"{_command(shown, problem)}\n" for problem in shown.problems)


def _command(shown: Shown, problem: Problem) -> str:
    place = {
        "file": shown.relative(problem.path),
        "line": str(problem.line),
        "endLine": str(problem.end_line),
        "col": str(problem.column),
        "title": f"{problem.rule} {problem.finding.cause}",
    }
    properties = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in place.items())
    remedy = f"\n{problem.finding.remedies[0].text}" if problem.finding.remedies else ""
    return f"::{_LEVELS[problem.severity]} {properties}::{_escaped(problem.finding.message + remedy)}"


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
