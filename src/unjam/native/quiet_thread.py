"""Threads of our own that the program does not notice: not in `threading`, and never given a signal meant for it."""

from __future__ import annotations

import _thread
import os
import signal
import time
from collections.abc import Callable

from unjam.native.originals import allocate_lock, sleep, start_new_thread

GONE_EVERY_S = 0.0002
"""How often it is looked whether the system has let go of a thread that has ended: that takes some 50 us."""


class QuietThread:
    """A thread that the interpreter does not wait for at its end, and no greenlet; may be started again after `join`."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._ended = allocate_lock()
        self._tid = 0

    def start(self) -> None:
        """Start it, with all signals blocked from its first moment on."""
        self._ended.acquire()
        if not hasattr(signal, "pthread_sigmask"):  # pragma: no cover - Windows
            start_new_thread(self._run, ())
            return
        # A thread inherits the mask.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            start_new_thread(self._run, ())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def join(self, timeout_s: float) -> bool:
        """Wait until it has ended and the system has let go of it; False where that takes longer than `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        if not self._ended.acquire(timeout=timeout_s):
            return False
        self._ended.release()
        # os.fork counts the threads of the system, and warns the program of more than one (CPython 3.12).
        while os.path.exists(f"/proc/self/task/{self._tid}") and time.monotonic() < deadline:
            sleep(GONE_EVERY_S)
        return True

    def _run(self) -> None:
        self._tid = _thread.get_native_id()
        try:
            self._function()
        finally:
            self._ended.release()
