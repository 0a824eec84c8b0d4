"""The calls that wait for a pool's threads: one thread is woken at a time, however many calls come."""

from __future__ import annotations

from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unjam.bridge.calls import Call


class WorkQueue:
    """Calls in the order in which they came, for any number of threads; None ends the thread that takes it.

    `SimpleQueue` alone wakes one sleeping thread for each call (from 3.13), and all of them then queue for the GIL. Here a
    wake is only sent while none is under way: a put appends, then looks at `awake`; who was woken lowers `awake`, then
    takes, and sends the next wake if there is more. As append and take of one deque exclude each other, either the
    taker sees the call or the putter sees the lowered flag: none is lost, with or without a GIL, and idle threads wake
    up one by one for as long as there is work.
    """

    def __init__(self) -> None:
        self.items: deque[Call | None] = deque()
        self._awake = False
        self._wakes: SimpleQueue[None] = SimpleQueue()

    def put(self, item: Call | None) -> None:
        """Add a call; never waits."""
        self.items.append(item)
        if not self._awake:
            self._awake = True
            self._wakes.put(None)

    def get(self) -> Call | None:
        """Take the oldest; waits for one."""
        items = self.items
        while True:
            try:
                item = items.popleft()
            except IndexError:
                self._wakes.get()
                self._awake = False
                continue
            if items and not self._awake:
                self._awake = True
                self._wakes.put(None)
            return item
