"""A session to text: an explicit tuple of reports, each a module with `render(session, page)`."""

from __future__ import annotations

import importlib
from collections.abc import Callable

REPORTS = ("terminal", "json")
"""Names of the modules here that render a session; they are imported when they are asked for, as one of them needs rich."""

__all__ = ["REPORTS", "renderer"]


def renderer(name: str) -> Callable[..., str]:
    """The `render(session, page)` of a report; raises KeyError for a name that is not in REPORTS."""
    if name not in REPORTS:
        raise KeyError(name)
    render: Callable[..., str] = importlib.import_module(f"unjam.reports.{name}").render
    return render
