"""The number that the operating system gives a thread, from its Thread object."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any


def number_of(thread: Any, kept: object) -> int | None:
    """The thread's number, of which its object has `kept` a copy; None where that is no number.

    In a forked child the object of the main thread still has the number of the parent's (CPython 3.11 to 3.13). Who forked is the
    main thread there, and on Linux its number is that of the process.
    """
    if sys.platform == "linux" and thread is threading._main_thread:  # type: ignore[attr-defined]  # noqa: SLF001 -- main_thread() is the same
        return os.getpid()
    return kept if type(kept) is int else None
