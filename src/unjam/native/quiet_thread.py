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
    """A thread that the interpreter does not wait for at its end, and no greenlet.

    It may be started again when it has been told to end: that one begins when the last has ended, and nobody waits for it.
    """

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._ended = allocate_lock()
        self._tid = 0

    def start(self) -> None:
        """Start it, with all signals blocked from its first moment on."""
        if not hasattr(signal, "pthread_sigmask"):  # pragma: no cover - Windows
            self._begin()
            return
        # A thread inherits the mask.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            self._begin()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _begin(self) -> None:
        before, self._ended = self._ended, allocate_lock()
        self._ended.acquire()
        try:
            start_new_thread(self._run, (before, self._ended))
        except BaseException:
            self._ended = before
            raise

    def join(self, timeout_s: float) -> bool:
        """Wait until it has ended and the system has let go of it; False where that takes longer than `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        ended = self._ended
        if not ended.acquire(timeout=timeout_s):
            return False
        ended.release()
        # os.fork counts the threads of the system, and warns the program of more than one (CPython 3.12).
        while os.path.exists(f"/proc/self/task/{self._tid}") and time.monotonic() < deadline:
            sleep(GONE_EVERY_S)
        return True

    def _run(self, before: _thread.LockType, ended: _thread.LockType) -> None:
        with before:
            self._tid = _thread.get_native_id()
        try:
            self._function()
        finally:
            ended.release()
