"""The local variables of a frame, read as if nobody had looked."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

CO_OPTIMIZED = 1
"""Of a code object's flags: its locals are no dictionary of their own (Include/cpython/code.h)."""

_OWN_REFERENCES = 3
"""To a frame's dictionary of locals that nobody else has: the frame's, the local variable's, the argument's."""


def local_values(frame: FrameType) -> dict[str, Any]:
    """Return a frame's locals without leaving a trace.

    Before 3.13 (PEP 667) reading them leaves a dictionary in the frame that would keep the objects alive; it is emptied again
    unless the program or a debugger uses it.
    """
    if sys.version_info >= (3, 13):
        return dict(frame.f_locals)
    found = frame.f_locals
    values = dict(found)
    function = frame.f_code.co_flags & CO_OPTIMIZED
    if function and frame.f_trace is None and sys.getrefcount(found) <= _OWN_REFERENCES:
        found.clear()
    return values
