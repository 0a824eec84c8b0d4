"""What all views of one pool share: its bound, its queue and its threads."""

from __future__ import annotations

import os
from math import inf
from queue import SimpleQueue
from threading import Lock, Thread, get_ident
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, finalize

from unjam.bridge.events import PoolEvent
from unjam.bridge.lineage import LINEAGE, Frame
from unjam.bridge.workers import WORKERS, Worker
from unjam.errors import PoolClosed, PoolFull

if TYPE_CHECKING:
    from collections.abc import Callable

    from unjam.bridge.calls import Call
    from unjam.bridge.options import Kind

# Withdrawn calls are left in the queue until a thread meets them; past this many, and when they outnumber the live ones
# two to one, they are swept out, so that a stuck pool with impatient callers does not grow without end.
STALE_LIMIT = 1024


class Bulkhead:
    """The bound of one resource: at most `limit` threads, at most `max_queue` calls waiting for them.

    `load` counts the calls that were admitted and have not ended, whether their callers still wait or not; a call goes
    to a free or a new thread where `load` is within `limit`, and waits otherwise.
    """

    def __init__(
        self,
        name: str,
        limit: int,
        *,
        kind: Kind,
        max_queue: int | None,
        stuck_after: float,
        on_event: Callable[[PoolEvent], object] | None,
    ) -> None:
        self.name = name
        self.limit = limit
        self.kind: Kind = kind
        self.ceiling = inf if max_queue is None else limit + max_queue
        self.stuck_after = stuck_after
        self.on_event = on_event
        self.rejected = 0
        self.withdrawn = 0
        self.waits: list[int] = []
        self.closed = False
        self.reset()
        BULKHEADS.add(self)

    def reset(self) -> None:
        """Start without threads and calls, as new; in a forked child those of the parent are not there."""
        self.lock = Lock()
        self.load = 0
        self.threads = 0
        self.stale = 0
        self.workers: list[Worker] = []
        self.queue: SimpleQueue[Call | None] = SimpleQueue()
        self.waiting: dict[Call, bool] = {}
        self.drained: list[Callable[[], object]] = []
        finalize(self, _stop, self.queue, self.workers).atexit = False

    def admit(self, call: Call) -> None:
        """Queue a call, with a new thread where one is needed and allowed.

        Raises PoolFull past `max_queue` and PoolClosed after closing, but not for work on which a call that holds a slot
        of this pool waits: that call's thread serves it, so it needs no room.
        """
        frame = LINEAGE.get()
        holders = [above for above in frame if above.bulkhead is self] if frame is not None else []
        for holder in holders:
            if holder.reserve():
                call.reserved = True
                self.waiting[call] = True
                holder.box.put(call)
                return
        with self.lock:
            if not holders:
                self._check_room()
            self.load = load = self.load + 1
            spawn = self.threads < load and self.threads < self.limit
            self.threads += spawn
        call.counted = True
        self.waiting[call] = True
        if spawn:
            self._spawn(call)
        self.queue.put(call)
        if load > self.limit:
            self._offer(call, holders)

    def _check_room(self) -> None:
        if self.closed:
            raise PoolClosed(self.name)
        if self.load >= self.ceiling:
            self.rejected += 1
            raise PoolFull(
                f"pool {self.name!r} is full: limit {self.limit}, {self.load} calls running or queued; "
                "raise max_queue or limit, or turn the work away"
            )

    def _offer(self, call: Call, holders: list[Frame]) -> None:
        """Let those serve it who hold a slot and wait for it: the queue alone might never come to it."""
        for holder in holders:
            holder.box.put(call)
        worker = WORKERS.get(get_ident())
        if worker is not None and worker.call is not None and worker.call.bulkhead is self:
            # A loop of its own runs inside a call of this pool: its thread is the holder.
            call.port.post(lambda: call.execute(worker))

    def _spawn(self, call: Call) -> None:
        worker = Worker(f"{self.name}-{len(self.workers)}")
        thread = Thread(target=worker.work, args=(self.queue,), name=worker.name, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            with self.lock:
                self.threads -= 1
            if self.threads == 0:
                self.withdraw(call)
                raise
            return
        self.workers.append(worker)

    def release(self) -> None:
        """Give back what one admitted call weighed: it ended, or will never start."""
        with self.lock:
            self.load -= 1
            if self.load or not self.closed:
                return
            drained, self.drained = self.drained, []
        for announce in drained:
            announce()

    def withdraw(self, call: Call) -> bool:
        """Take a queued call back; False when a thread has it already."""
        if self.waiting.pop(call, None) is None:
            return False
        with self.lock:
            self.withdrawn += 1
            self.stale += 1
            sweep = self.stale > STALE_LIMIT and self.stale > 2 * len(self.waiting)
            if sweep:
                self.stale = 0
        if call.counted:
            self.release()
        if sweep:
            self._sweep()
        return True

    def _sweep(self) -> None:
        """Rotate the queue once and drop what was withdrawn; calls that come meanwhile may slip in between."""
        for _ in range(self.queue.qsize()):
            if self.queue.empty():
                return
            try:
                call = self.queue.get_nowait()
            except Exception:  # noqa: BLE001 - queue.Empty: the threads were faster
                return
            if call is None or call in self.waiting:
                self.queue.put(call)

    def stop(self) -> None:
        """Let every thread end after what is queued; one that is stuck ends when it comes back."""
        _stop(self.queue, self.workers)

    def emit(self, kind: str, call: str = "", seconds: float = 0.0) -> None:
        """Tell the pool's hook; what the hook raises goes to whoever called for it."""
        if self.on_event is not None:
            self.on_event(PoolEvent(kind, self.name, call, seconds))


def _stop(queue: SimpleQueue[Any], workers: list[Worker]) -> None:
    for _ in workers:
        queue.put(None)


BULKHEADS: WeakSet[Bulkhead] = WeakSet()
"""Every pool that is alive, for `pools()`."""


def _reset_after_fork() -> None:
    for bulkhead in list(BULKHEADS):
        bulkhead.reset()


os.register_at_fork(after_in_child=_reset_after_fork)
