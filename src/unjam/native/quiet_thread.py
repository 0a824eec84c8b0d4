"""Threads of our own that the program does not notice: not in `threading`, and never given a signal meant for it."""

from __future__ import annotations

import _thread
import signal
from collections.abc import Callable


def start_quiet_thread(
    function: Callable[[], None], start: Callable[[Callable[[], None], tuple[()]], int] = _thread.start_new_thread
) -> None:
    """Run `function` in a new thread that the interpreter does not wait for at its end.

    `start` is the real `_thread.start_new_thread` where somebody has replaced it.
    """
    if not hasattr(signal, "pthread_sigmask"):  # pragma: no cover - Windows
        start(function, ())
        return
    # A thread inherits the mask, so that there is no moment in which a signal could reach it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        start(function, ())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
