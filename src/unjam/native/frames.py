"""The present frames of all threads, where asking for them harms nobody."""

from __future__ import annotations

import gc
import sys
from operator import call, is_

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

OWN_MEMORY = sys.version_info >= (3, 12)
"""Whether an interpreter may have an allocator of its own (PEP 684)."""

COLLECTS = sys.version_info < (3, 12)
"""Whether a collection of garbage may begin wherever an object is made; later ones begin between two instructions of bytecode."""


def current_frames() -> dict[int, FrameType]:
    """`sys._current_frames()`, or nothing where another interpreter runs in this process.

    That function makes frame objects for the threads of every interpreter, with the memory of the one that asks: where each
    has its own, the other one frees them into the wrong one, and the process ends ("free(): invalid pointer", CPython 3.12).
    """
    if OWN_MEMORY and has_others():
        return {}
    if not COLLECTS:
        return sys._current_frames()  # noqa: SLF001 -- documented (sys module)
    # It makes them while it holds the lock of its list of threads. A collection that begins there runs finalizers, which may let the GIL go;
    # who then ends a thread waits for that lock, and has the GIL: for ever (github.com/python/cpython/issues/106883). All of this is one call
    # into C, in which no other thread gets the GIL: nobody finds collections off, or on again against its will. `all` goes on as long as each
    # step gives what it should.
    made: dict[str, dict[int, FrameType]] = {}
    steps = map(call, (gc.isenabled, gc.disable, sys._current_frames, gc.enable))  # noqa: SLF001 -- as above
    judges: tuple[Any, ...] = (is_, is_, made.setdefault, is_)
    try:
        all(map(call, judges, (True, None, "frames", None), steps))
    except BaseException:  # a hook of sys.addaudithook may refuse
        gc.enable()
        raise
    return made["frames"] if made else sys._current_frames()  # noqa: SLF001 -- as above


def has_others() -> bool:
    """Whether there is another interpreter with, perhaps, memory of its own: only these modules make one."""
    made: Any = sys.modules.get("_interpreters") or sys.modules.get("_xxsubinterpreters")
    return made is not None and len(made.list_all()) > 1
