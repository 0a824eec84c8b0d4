"""The report for programs: the documented, versioned contract of docs/json.md."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from unjam import __version__
from unjam.model.findings import Finding
from unjam.model.session import LoopReport, Session
from unjam.reports.page import Page

SCHEMA = 1
"""Grows when a field changes its meaning or goes away; new fields alone do not change it."""


def render(session: Session, page: Page | None = None) -> str:
    """Write a session as one JSON document in ASCII; the page plays no part."""
    del page
    return json.dumps(document(session), indent=1, allow_nan=False) + "\n"


def document(session: Session) -> dict[str, Any]:
    """The document as plain objects; numbers that are not finite are null, as everything that was not measured."""
    plain = {
        "schema": SCHEMA,
        "unjam": __version__,
        "session": _session(session),
        "loops": [_loop(loop) for loop in session.loops],
        "findings": [finding(found) for found in session.findings],
        "allowed": [
            {"reason": each.reason, "by": each.by, "finding": finding(each.finding)} for each in session.allowed
        ],
        "notices": list(session.notices),
        "timeouts": [{**asdict(group), "fault": group.fault.value} for group in session.timeouts],
        "not_observed": list(session.not_observed),
        "dropped": {"events": session.dropped},
    }
    return {key: _finite(value) for key, value in plain.items()}


def _session(session: Session) -> dict[str, Any]:
    return {
        "program": session.program,
        "started": _moment(session.started_wall),
        "duration_s": session.duration_s,
        "threshold_ms": session.threshold_ms,
        "pids": list(session.pids),
        "pythons": list(session.pythons),
        "tiers": list(session.tiers),
        "folder": session.folder,
        "verdict": session.verdict,
        "exit_code": session.exit_code,
    }


def _moment(wall: float) -> str | None:
    """Write seconds since the epoch as ISO 8601; None for what no calendar holds."""
    try:
        return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return None


def _loop(loop: LoopReport) -> dict[str, Any]:
    plain = asdict(loop)
    lag = {name: plain.pop(f"lag_{name}_ms") for name in ("p50", "p99", "max")}
    return {**plain, "lag_ms": lag}


def finding(found: Finding) -> dict[str, Any]:
    """One finding as plain objects."""
    plain = asdict(found)
    plain["grade"] = found.grade.label
    plain["accounted_ms"] = plain.pop("accounted")
    return plain


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
