"""SARIF 2.1.0, for code scanning: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from unjam import __version__
from unjam.knowledge import index
from unjam.reports.source.view import DOCS, Shown
from unjam.static.result import Problem, Severity

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_FINGERPRINT = "unjam/v1"
"""The name of our fingerprint: a new way to make it would get a new name."""


def render(shown: Shown) -> str:
    """Write one log with one run."""
    return json.dumps(log(shown), indent=1, allow_nan=False) + "\n"


def log(shown: Shown) -> dict[str, Any]:
    """The log as plain objects."""
    codes = sorted({problem.rule for problem in shown.problems})
    driver = {
        "name": "unjam",
        "version": __version__,
        "informationUri": "https://unjam.readthedocs.io",
        "rules": [_rule(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "utf16CodeUnits",
        "originalUriBaseIds": {"ROOT": {"description": {"text": "the top of the project"}}},
        "results": [_result(shown, problem, codes) for problem in shown.problems],
        "invocations": [_invocation(shown)],
    }
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, Any]:
    rule = index.rule(code)
    return {
        "id": code,
        "name": rule.cause,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.what.strip()},
        "help": {"text": rule.todo.strip(), "markdown": rule.todo.strip()},
        "helpUri": f"{DOCS}{code}/",
        "properties": {"tags": ["performance", "asyncio"]},
    }


def _result(shown: Shown, problem: Problem, codes: list[str]) -> dict[str, Any]:
    texts = [problem.finding.message, *(remedy.text for remedy in problem.finding.remedies[:1])]
    result: dict[str, Any] = {
        "ruleId": problem.rule,
        "ruleIndex": codes.index(problem.rule),
        "level": _LEVELS[problem.severity],
        "message": {"text": ". ".join(texts)},
        "locations": [_location(shown, problem.path, _region(shown, problem), "")],
        "partialFingerprints": {_FINGERPRINT: problem.fingerprint},
        "properties": {"grade": problem.finding.grade.label, "route": problem.route},
    }
    steps = [
        {"location": _location(shown, link.file, {"startLine": max(link.line, 1)}, link.function)}
        for link in problem.finding.chain
    ]
    if steps:
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    return result


def _location(shown: Shown, path: str, region: dict[str, int], text: str) -> dict[str, Any]:
    artifact = {"uri": quote(shown.relative(path))}
    if not artifact["uri"].startswith("/"):
        artifact["uriBaseId"] = "ROOT"
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": artifact, "region": region}}
    return location | ({"message": {"text": text}} if text else {})


def _region(shown: Shown, problem: Problem) -> dict[str, int]:
    return {
        "startLine": problem.line,
        "startColumn": _utf16(shown, problem.path, problem.line, problem.column),
        "endLine": problem.end_line,
        "endColumn": _utf16(shown, problem.path, problem.end_line, problem.end_column),
    }


def _utf16(shown: Shown, path: str, line: int, column: int) -> int:
    """A 1-based column in UTF-8 bytes as one in UTF-16 code units."""
    lines = shown.sources.get(path, ())
    before = lines[line - 1].encode()[: column - 1] if 0 < line <= len(lines) else b" " * (column - 1)
    return len(before.decode("utf-8", "replace").encode("utf-16-le")) // 2 + 1


def _invocation(shown: Shown) -> dict[str, Any]:
    notes = [
        {"level": "warning", "message": {"text": f"{shown.relative(path)}: {reason}"}}
        for path, reason in shown.result.skipped.items()
    ]
    notes += [{"level": "note", "message": {"text": text}} for text in shown.result.notices]
    return {"executionSuccessful": True, "toolExecutionNotifications": notes}
