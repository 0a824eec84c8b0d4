"""The threads of a pool: what one keeps about itself, and its loop."""

from __future__ import annotations

import os
from threading import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from unjam.bridge.calls import Call
    from unjam.bridge.lineage import Frame
    from unjam.bridge.ports import Port
    from unjam.bridge.remote import Remote
    from unjam.bridge.workqueue import WorkQueue

# Bucket n counts times of [2**(n-1), 2**n) nanoseconds; 64 of them reach 292 years.
BUCKETS = 65


class Worker:
    """One thread of a pool. Only that thread writes here, so that counting takes no lock; readers may be a call behind."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ident = 0
        self.call: Call | None = None
        self.remote: Remote | None = None
        self.waits = [0] * BUCKETS
        self.runs = [0] * BUCKETS
        self.helped = 0
        self.under: Port | None = None
        """The loop inside this thread that stands below what it serves just now."""
        self.forked = False
        """True in the child when this thread called fork: its process has no use for a worker."""

    def held_frames(self) -> Iterator[Frame]:
        """Yield through what it serves others where it is only held, the topmost first; a moment later it may be otherwise."""
        call = self.call
        while call is not None:
            if call.holds and call.frame is not None:
                yield call.frame
            call = call.outer

    def serves(self, call: Call) -> bool:
        """Whether it runs a call of the same pool, and may run this one on top of it."""
        return self.call is not None and self.call.bulkhead is call.bulkhead and call.bound in {None, self}

    def work(self, queue: WorkQueue) -> None:
        """Take calls until None comes. The pool itself is not referred to, so that it can be collected."""
        self.ident = get_ident()
        WORKERS[self.ident] = self
        try:
            while (call := queue.get()) is not None:
                call.execute(self)
                del call
                if self.forked:
                    return
        finally:
            WORKERS.pop(self.ident, None)
            if self.remote is not None:
                self.remote.close()


WORKERS: dict[int, Worker] = {}
"""By thread ident: how code in a pool's thread finds out that it is in one."""

ELSEWHERE: list[Callable[[], bool]] = []
"""In a pool's child process: asks the parent whether the caller has gone."""


def cancelled() -> bool:
    """Whether the caller of the call that runs in this thread or process has gone: cancelled, or its time was up.

    For long functions that can stop half-way. False outside a pool's thread.
    """
    worker = WORKERS.get(get_ident())
    if worker is not None and worker.call is not None:
        return worker.call.cancelled
    return any(gone() for gone in ELSEWHERE)


def _forget_after_fork() -> None:
    """In a forked child only the forking thread lives on."""
    for worker in WORKERS.values():
        worker.forked = True
    WORKERS.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
