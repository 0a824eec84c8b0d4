"""The present frames of all threads, where asking for them harms nobody."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

OWN_MEMORY = sys.version_info >= (3, 12)
"""Whether an interpreter may have an allocator of its own (PEP 684)."""


def current_frames() -> dict[int, FrameType]:
    """`sys._current_frames()`, or nothing where another interpreter runs in this process.

    That function makes frame objects for the threads of every interpreter, with the memory of the one that asks: where each
    has its own, the other one frees them into the wrong one, and the process ends ("free(): invalid pointer", CPython 3.12).
    """
    return {} if OWN_MEMORY and has_others() else sys._current_frames()  # noqa: SLF001 -- documented (sys module)


def has_others() -> bool:
    """Whether there is another interpreter with, perhaps, memory of its own: only these modules make one."""
    made: Any = sys.modules.get("_interpreters") or sys.modules.get("_xxsubinterpreters")
    return made is not None and len(made.list_all()) > 1
