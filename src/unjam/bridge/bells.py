"""Descriptors on which waiting threads sleep, because a write to one gives the GIL away before it wakes anybody.

A lock or a queue wakes first: the woken thread stops at once for the GIL, which its waker still has, and sleeps a second time.
Where a loop answers a `wait` that is half of all switches between threads, and a third of what the round trip takes.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from itertools import count

# Threads that wait beyond that sleep on their queue: where a hundred wait at once, those who are woken early get into each
# other's way (two idle cores, uvloop: as slow as the standard library with 64 of these, a fifth faster with 8).
LIMIT = 8


class Bells:
    """Eventfds for one waiting thread at a time. None is ever closed: a late ring must not reach somebody else's descriptor.

    So who takes one must expect to be woken for nothing, by whoever had rung for the one before.
    """

    def __init__(self) -> None:
        self.free: deque[int] = deque()
        self._made = count()

    def take(self) -> int | None:
        """Return one to sleep on, by reading it once for each ring; None where there is none."""
        try:
            return self.free.pop()
        except IndexError:
            return self._make()

    def _make(self) -> int | None:
        if hasattr(os, "eventfd") and next(self._made) < LIMIT:
            with suppress(OSError):  # out of descriptors
                return os.eventfd(0, os.EFD_SEMAPHORE | os.EFD_CLOEXEC)
        return None


BELLS = Bells()


def _forget_after_fork() -> None:
    """Make new ones in a forked child: it shares the parent's with the parent, whose rings it would take."""
    BELLS.__init__()  # type: ignore[misc]


os.register_at_fork(after_in_child=_forget_after_fork)
