"""The calls that wait for a pool's threads: one thread is woken at a time, however many calls come."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from itertools import count
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING
from weakref import finalize

if TYPE_CHECKING:
    from unjam.bridge.calls import Call


class WorkQueue:
    """Calls in the order in which they came, for any number of threads; None ends the thread that takes it.

    `SimpleQueue` alone wakes one sleeping thread for each call (from 3.13), and all of them then queue for the GIL. Here a
    wake is only sent while none is under way: a put appends, then looks at `awake`; who was woken lowers `awake`, then
    takes, and sends the next wake if there is more. As append and take of one deque exclude each other, either the
    taker sees the call or the putter sees the lowered flag: none is lost, with or without a GIL, and idle threads wake
    up one by one for as long as there is work.

    One thread may sleep on a bell, an eventfd: a write to it gives the GIL away before it wakes anybody, where a thread woken
    by a queue stops at once for the GIL that its waker still has, and sleeps a second time. For one caller that is more
    than half of all switches between threads. Where many calls come in one turn of a loop it is wrong: the thread
    would get one of them, and the next needs a wake of its own. So a thread decides by the last delivery, see `Traffic`.

    A wake goes to the bell that is shown, else into a queue of wakes. A thread shows its bell before it looks once more for
    calls and wakes, and who left a wake looks once more for a bell: one of the two sees the other.
    """

    def __init__(self) -> None:
        self.items: deque[Call | None] = deque()
        self._awake = False
        self._wakes: SimpleQueue[None] = SimpleQueue()
        self._made = count()
        self._spare: deque[int] = deque()
        """The bell, once it is made and while nobody sleeps on it."""
        self._shown: deque[int] = deque()
        """The bell, from when somebody sleeps on it until it is rung."""

    def put(self, item: Call | None) -> None:
        """Add a call; never waits."""
        self.items.append(item)
        if not self._awake:
            self._awake = True
            self._wake()

    def get(self) -> Call | None:
        """Take the oldest; waits for one."""
        items = self.items
        while True:
            try:
                item = items.popleft()
            except IndexError:
                self._sleep()
                self._awake = False
                continue
            if items and not self._awake:
                self._awake = True
                self._wake()
            return item

    def _wake(self) -> None:
        """Wake one thread, or the next one that is about to sleep."""
        if not self._ring():
            self._wakes.put(None)
            self._ring()

    def _ring(self) -> bool:
        try:
            bell = self._shown.pop()
        except IndexError:
            return False
        os.eventfd_write(bell, 1)
        return True

    def _sleep(self) -> None:
        """Wait for a wake, which may come for nothing."""
        bell = self._take_bell() if TRAFFIC.alone else None
        if bell is None:
            self._wakes.get()
            return
        self._shown.append(bell)
        if not self._missed():
            os.read(bell, 8)  # which goes on after a signal; eventfd_read does not
        if self._shown:
            with suppress(ValueError):  # it is being rung: the next one who sleeps on it is woken for nothing
                self._shown.remove(bell)
        self._spare.append(bell)

    def _missed(self) -> bool:
        """Whether a call or a wake came before the bell was shown."""
        if self.items:
            return True
        with suppress(Empty):
            self._wakes.get_nowait()
            return True
        return False

    def _take_bell(self) -> int | None:
        """Return the bell, None where somebody sleeps on it or there can be none."""
        try:
            return self._spare.pop()
        except IndexError:
            if next(self._made) or not hasattr(os, "eventfd"):
                return None
        try:
            bell = os.eventfd(0, os.EFD_CLOEXEC)
        except OSError:  # out of descriptors
            return None
        finalize(self, os.close, bell).atexit = False
        return bell


class Traffic:
    """How outcomes come to the loops: what tells a thread that goes to sleep how it will be woken."""

    __slots__ = ("alone",)

    def __init__(self) -> None:
        self.alone = True
        """Whether the last that came was the only one of its turn: probably one caller who makes one call at a time."""


TRAFFIC = Traffic()
