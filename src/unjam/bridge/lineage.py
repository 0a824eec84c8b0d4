"""Who waits for whom across the bridge: the held threads above the running code, found through a contextvar."""

from __future__ import annotations

import os
from contextvars import ContextVar
from queue import SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Any

from unjam.bridge.bells import BELLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unjam.bridge.bulkhead import Bulkhead
    from unjam.bridge.calls import Call
    from unjam.bridge.ports import Port
    from unjam.bridge.workers import Worker


class Frame:
    """One thread that is held while code elsewhere runs on its behalf, and serves calls put into its `box`.

    `bulkhead` is the pool of which it holds a slot (None: no pool's thread), `blocked` the port of the loop that runs in
    that thread and cannot turn meanwhile. A frame with `spare` belongs to a thread that is held but idle, so that calls
    of its pool run there first; without, it serves only what would find the pool full. Calls made in its body run on `worker`,
    the thread that is held for one, and nowhere else. `bell` is what its thread sleeps on,
    None where that is the box itself: a held thread, and one that keeps a loop from turning, which must be seen to do so.
    """

    __slots__ = ("_bells", "bell", "blocked", "box", "bulkhead", "closed", "parent", "spare", "worker")

    def __init__(self, bulkhead: Bulkhead | None, *, blocked: Port | None = None, idle: bool = False) -> None:
        self.bulkhead = bulkhead
        self.blocked = blocked
        self.box: SimpleQueue[Any] = SimpleQueue()
        self.parent = next(iter(above), None) if (above := LINEAGE.get()) is not None else None
        self.closed = False
        self.spare = Lock() if idle else None
        self.worker: Worker | None = None
        self._bells = BELLS.free
        self.bell = None if idle or blocked is not None else BELLS.take()

    def __iter__(self) -> Iterator[Frame]:
        """Yield this frame and those above it that still wait, innermost first."""
        frame: Frame | None = self
        while frame is not None:
            if not frame.closed:
                yield frame
            frame = frame.parent

    def holders(self, bulkhead: Bulkhead) -> list[Frame]:
        """Return those of them that hold a slot of `bulkhead`, innermost first."""
        return [frame for frame in self if frame.bulkhead is bulkhead]

    def offer(self, call: Call) -> None:
        """Let the thread serve `call` when it comes to it."""
        self.tell((call, self.reserve()))

    def tell(self, item: Any) -> None:
        """Put something into the box and wake the thread."""
        self.box.put(item)
        if self.bell is not None:
            os.eventfd_write(self.bell, 1)

    def close(self) -> None:
        """Take note that the thread waits no longer."""
        self.closed = True
        if self.bell is not None:
            self._bells.append(self.bell)

    def reserve(self) -> bool:
        """Take the idle thread for one call, if it is idle; it gives itself back when it has served it."""
        return self.spare is not None and self.spare.acquire(blocking=False)


def may_take(call: Call, place: Frame | Port) -> bool:
    """Whether the thread at `place` may run `call` now; otherwise it was not asked.

    A thread that already waits is held for somebody only while his loop turns. So whatever he waits for began after this, and
    no two threads are held on top of each other's loops, which nothing could end.
    """
    if not call.holds or call.port.turns:
        return True
    call.offers.discard(place)
    return False


LINEAGE: ContextVar[Frame | None] = ContextVar("unjam.bridge.lineage", default=None)
