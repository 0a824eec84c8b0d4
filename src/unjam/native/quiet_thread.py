"""Threads of our own that the program does not notice: not in `threading`, and never given a signal meant for it."""

from __future__ import annotations

import _thread
import signal
from collections.abc import Callable


def start_quiet_thread(function: Callable[[], None]) -> None:
    """Run `function` in a new thread that the interpreter does not wait for at its end."""
    if not hasattr(signal, "pthread_sigmask"):  # pragma: no cover - Windows
        _thread.start_new_thread(function, ())
        return
    # A thread inherits the mask, so that there is no moment in which a signal could reach it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        _thread.start_new_thread(function, ())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
