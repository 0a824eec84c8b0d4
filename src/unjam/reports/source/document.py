"""The JSON of `unjam check`: the document of a session, with what only source can say beside each finding."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from unjam import __version__
from unjam.reports.json import SCHEMA, finding
from unjam.reports.source.view import Shown
from unjam.static.result import Problem


def render(shown: Shown) -> str:
    """Write the document in ASCII."""
    return json.dumps(document(shown), indent=1, allow_nan=False) + "\n"


def document(shown: Shown) -> dict[str, Any]:
    """The document as plain objects (docs/json.md; `source` is what a recording has not)."""
    result = shown.result
    return {
        "schema": SCHEMA,
        "unjam": __version__,
        "session": {"program": result.root, "tiers": ["source"]},
        "loops": [],
        "findings": [_problem(shown, problem) for problem in shown.problems],
        "seen_only_at_run_time": [finding(each) for each in result.seen_only],
        "not_observed": [*result.notices, *(f"{shown.relative(path)}: {why}" for path, why in result.skipped.items())],
        "dropped": {"events": 0},
        "coverage": {**asdict(result.coverage), "percent": result.coverage.percent},
        "held_back": {"hidden": result.hidden, "allowed": result.allowed, "baseline": result.known},
    }


def _problem(shown: Shown, problem: Problem) -> dict[str, Any]:
    plain = finding(problem.finding)
    plain["source"] = {
        "severity": problem.severity.label,
        "path": shown.relative(problem.path),
        "line": problem.line,
        "column": problem.column,
        "end_line": problem.end_line,
        "end_column": problem.end_column,
        "route": problem.route,
        "callers": [asdict(place) for place in problem.callers],
        "once": problem.once,
        "also": list(problem.also),
        "fingerprint": problem.fingerprint,
        "measured_ms": problem.measured_ms,
    }
    return plain
