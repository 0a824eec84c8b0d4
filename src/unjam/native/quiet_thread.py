"""Threads of our own that the program does not notice: not in `threading`, never given a signal meant for it, at rest while it forks.

works ──at_rest──> rests: it waits, and holds nothing that a fork's child could miss
  ^                  │ what it waited for has come
  └──── not held ────┴─── held: a fork is under way ──let_go──> works
"""

from __future__ import annotations

import _thread
import os
import signal
import time
from collections.abc import Callable

from unjam.native.originals import RLock, allocate_lock, original, sleep, start_new_thread

GONE_EVERY_S = 0.0002
"""How often it is looked whether the system has let go of a thread that has ended: that takes some 50 us."""


TASKS = "/proc/self/task"
"""A folder for each thread of the process (proc(5))."""

_listdir = original("os", "listdir")

_starting: list[None] = []
_numbers: set[int] = set()
"""One for each thread of ours that has no number yet, and the numbers of the others: of those that have ended, too, for a moment."""


class QuietThread:
    """A thread that the interpreter does not wait for at its end, and no greenlet.

    It may be started again when it has been told to end: that one begins when the last has ended, and nobody waits for it.
    """

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._ended = allocate_lock()
        self._tid = 0
        # Held by the thread while it works; who forks may be that thread itself.
        self._work = RLock()
        self.at_rest = Rest(self._work)

    def hold(self, timeout_s: float) -> bool:
        """Have it go no further than to its next rest, until `let_go`; at once where it rests. False where it works for longer.

        Of one thread only, which also is to let it go.
        """
        return bool(self._work.acquire(timeout=timeout_s))

    def let_go(self) -> None:
        """Have it go on, after a `hold` that was True."""
        self._work.release()

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
        _starting.append(None)
        try:
            start_new_thread(self._run, (before, self._ended))
        except BaseException:
            _starting.pop()
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
        while os.path.exists(f"{TASKS}/{self._tid}") and time.monotonic() < deadline:
            sleep(GONE_EVERY_S)
        return True

    def _run(self, before: _thread.LockType, ended: _thread.LockType) -> None:
        number = _thread.get_native_id()
        _numbers.add(number)
        _starting.pop()
        with before:
            self._tid = number
        try:
            with self._work:
                self._function()
        finally:
            ended.release()


class Rest:
    """In a thread of ours: `with thread.at_rest:` around what it waits for; it goes on when nobody holds it."""

    __slots__ = ("_work",)

    def __init__(self, work: _thread.RLock) -> None:
        self._work = work

    def __enter__(self) -> None:
        self._work.release()

    def __exit__(self, *_: object) -> None:
        self._work.acquire()


def other_threads() -> int:
    """How many threads the process has that are none of these; 0 where the system does not tell."""
    try:
        numbers = {int(name) for name in _listdir(TASKS)}
    except OSError:
        return 0
    _numbers.intersection_update(numbers)
    return len(numbers - _numbers) - len(_starting)
