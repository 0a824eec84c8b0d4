"""Whether lines are traced while a test runs: asked for every test, so apart from what is needed for those that hold a loop."""

from __future__ import annotations

import sys

MONITORING_TOOLS = (0, 1)
"""Numbers of debuggers and of coverage among the tools of sys.monitoring (PEP 669)."""


def is_traced() -> bool:
    """Whether somebody traces the lines of this thread: coverage, or a debugger."""
    monitoring = getattr(sys, "monitoring", None)
    tools = () if monitoring is None else map(monitoring.get_tool, MONITORING_TOOLS)
    return sys.gettrace() is not None or any(tools)
