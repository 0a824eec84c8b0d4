"""What a recording says about the places found in source: confirmed, with the time that they cost, or seen only there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from unjam.model.findings import Evidence, Finding, Grade
from unjam.static.result import Problem, Result, Severity

_SOURCE_SHOWS = ("UJ1", "UJ2", "UJ3")
"""Rules that source can show at all; of the others a recording is the only witness."""


def joined(result: Result, findings: Iterable[Finding]) -> None:
    """Mark what was measured, worst first, and list what was seen at run time only."""
    remaining = [finding for finding in findings if _is_of_source(finding)]
    confirmed = []
    for problem in result.problems:
        seen = [finding for finding in remaining if _same(problem, finding)]
        confirmed.append(_confirmed(problem, seen) if seen else problem)
    matched = {id(finding) for problem in result.problems for finding in remaining if _same(problem, finding)}
    result.seen_only = [finding for finding in remaining if id(finding) not in matched]
    result.problems = sorted(confirmed, key=lambda problem: -(problem.measured_ms or 0.0))


def _is_of_source(finding: Finding) -> bool:
    """Whether source could show it: a collection that begins by itself is at no line that asks for it."""
    return finding.rule.startswith(_SOURCE_SHOWS) and (finding.rule != "UJ304" or finding.leaf == "gc.collect")


def _same(problem: Problem, finding: Finding) -> bool:
    """Same rule and same function of the same file: the line may have moved since, and a leaf has several names."""
    here, there = problem.finding.culprit, finding.culprit
    if here is None or there is None or problem.rule != finding.rule or here.file != there.file:
        return False
    return here.line == there.line or here.function == there.function.replace(".<locals>", "")


def _confirmed(problem: Problem, seen: list[Finding]) -> Problem:
    total = sum(finding.total_ms for finding in seen)
    count = sum(finding.count for finding in seen)
    text = f"a recording saw it hold the loop {count} times, {total:.0f} ms in all"
    finding = replace(
        problem.finding,
        grade=max(problem.finding.grade, *(each.grade for each in seen)),
        count=count,
        total_ms=total,
        max_ms=max(each.max_ms for each in seen),
        evidence=(*problem.finding.evidence, Evidence("recording", text)),
    )
    severity = Severity.ERROR if finding.grade > Grade.SUSPECTED else max(problem.severity, Severity.WARNING)
    return replace(problem, finding=finding, severity=severity, measured_ms=total)
