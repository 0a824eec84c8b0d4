"""The present frames of all threads, where asking for them harms nobody: the bridge's own, as it imports errors only."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

OWN_MEMORY = sys.version_info >= (3, 12)
"""Whether an interpreter may have an allocator of its own (PEP 684)."""


def current_frames() -> dict[int, FrameType]:
    """Return `sys._current_frames()`, or nothing where another interpreter runs in this process.

    CPython makes frame objects for the threads of every interpreter with the memory of the one that asks; another one with
    memory of its own then frees them into the wrong one, and the process ends.
    """
    return {} if OWN_MEMORY and _has_others() else sys._current_frames()  # noqa: SLF001 - the documented way


def _has_others() -> bool:
    """Whether there is another interpreter: only these modules make one."""
    made: Any = sys.modules.get("_interpreters") or sys.modules.get("_xxsubinterpreters")
    return made is not None and len(made.list_all()) > 1
