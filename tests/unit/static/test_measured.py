from __future__ import annotations

from dataclasses import replace

from unjam.model.findings import Finding, Grade, Location
from unjam.static import measured
from unjam.static.result import Problem, Result, Severity


def problem(rule="UJ102", function="load", line=5, severity=Severity.WARNING):
    finding = Finding(rule, "", Grade.INFERRED, "", Location("/p/app.py", line, function))
    return Problem(finding, severity, "/p/app.py", line, 1, line, 2)


def seen(rule="UJ102", function="load", line=5, total_ms=120.0):
    return Finding(
        rule, "", Grade.EXACT, "", Location("/p/app.py", line, function), count=3, total_ms=total_ms, max_ms=50.0
    )


def test_what_was_measured_comes_first():
    """A confirmed finding carries its cost and the better grade, and goes before what nobody saw."""
    result = Result("/p", [problem(function="other", line=50), problem()])
    measured.joined(result, [seen()])
    first, second = result.problems
    assert (first.line, first.measured_ms, first.finding.grade, first.finding.count) == (5, 120.0, Grade.EXACT, 3)
    assert (second.line, second.measured_ms) == (50, None)


def test_moved_line_in_the_same_function_is_the_same():
    """The source has changed since the recording: the function tells."""
    result = Result("/p", [problem(line=7)])
    measured.joined(result, [seen(line=5)])
    assert (result.problems[0].measured_ms, result.seen_only) == (120.0, [])


def test_collection_that_began_by_itself_is_no_gap_of_the_source():
    """It is at the line that happened to allocate; one that was asked for is a call that can be read."""
    result = Result("/p", [])
    asked = replace(seen(rule="UJ304"), leaf="gc.collect")
    measured.joined(result, [replace(asked, leaf="automatic collection of generation 2"), asked])
    assert result.seen_only == [asked]


def test_what_only_the_recording_saw_is_listed():
    """Nothing that was measured is lost, but what source cannot show is no gap of ours."""
    result = Result("/p", [problem()])
    gap, starved = seen(function="elsewhere", line=90), seen(rule="UJ502")
    measured.joined(result, [gap, starved])
    assert result.seen_only == [gap]
    assert result.problems[0].measured_ms is None
