"""Whether lines are traced while a test runs: asked for every test, so apart from what is needed for those that hold a loop."""

from __future__ import annotations

import sys

MONITORING_TOOLS = (0, 1)
"""Numbers of debuggers and of coverage among the tools of sys.monitoring (PEP 669)."""

_get_tool = getattr(getattr(sys, "monitoring", None), "get_tool", None)  # from 3.12 on


def is_traced() -> bool:
    """Whether somebody traces the lines of this thread: coverage, or a debugger."""
    return sys.gettrace() is not None or (_get_tool is not None and any(map(_get_tool, MONITORING_TOOLS)))
