"""A session to bytes: an explicit tuple of reports, each a module with NAME and `render(session, page)`."""

from __future__ import annotations

from unjam.reports import json, terminal

REPORTS = (terminal, json)

__all__ = ["REPORTS"]
