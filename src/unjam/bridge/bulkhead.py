"""What all views of one pool share: its bound, its queue and its threads."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from queue import Empty
from threading import Lock, Thread
from typing import TYPE_CHECKING
from weakref import WeakSet, finalize

from unjam.bridge.events import tell
from unjam.bridge.lineage import LINEAGE
from unjam.bridge.remote import carrier
from unjam.bridge.standstill import NESTED, may_stand_still, relieve
from unjam.bridge.workers import Worker
from unjam.bridge.workqueue import WorkQueue
from unjam.errors import PoolClosed, PoolFull

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from unjam.bridge.calls import Call
    from unjam.bridge.events import PoolEvent
    from unjam.bridge.lineage import Frame
    from unjam.bridge.options import Kind

# Withdrawn calls are left in the queue until a thread meets them; past this many, and when they outnumber the live ones
# two to one, they are swept out, so that a stuck pool with impatient callers does not grow without end.
STALE_LIMIT = 1024


class Bulkhead:
    """The bound of one resource: at most `limit` threads, at most `max_queue` calls waiting for them.

    `live` holds the calls that were admitted and have not ended, whether their callers still wait or not; where there are
    no more of them than `limit`, each has a thread to itself. `waiting` holds those that no thread has begun, and those
    posted to held threads. Both are sets because adding and removing are atomic, so that a call takes no lock on its way.
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
        self.elsewhere = None if kind == "thread" else carrier(kind)
        """Runs a function out of this interpreter, from the worker's thread; None where the thread itself runs it."""
        self.ceiling = None if max_queue is None else limit + max_queue
        self.stuck_after = stuck_after
        self.on_event = on_event
        self.rejected = 0
        self.withdrawn = 0
        self.closed = False
        self.stopped = False
        self.reset()
        BULKHEADS.add(self)

    def reset(self) -> None:
        """Start without threads and calls, as new; in a forked child those of the parent are not there."""
        self.lock = Lock()
        self.live: set[Call] = set()
        self.waiting: set[Call] = set()
        self.stale = 0
        self.workers: list[Worker] = []
        self.drained: list[Callable[[], object]] = []
        self._open_queue()

    def _open_queue(self) -> None:
        self.threads = 0
        self.queue = WorkQueue()
        finalize(self, _end_threads, self.queue, self.limit).atexit = False

    def admit(self, call: Call) -> None:
        """Queue a call, with a new thread where one is needed and allowed.

        Raises PoolFull past `max_queue` and PoolClosed after closing, but neither for what is certain nor for work on which
        a call that holds a slot of this pool waits: that call's thread serves it, so it needs no room.
        """
        frame = LINEAGE.get()
        holders = frame.holders(self) if frame is not None else ()
        if not holders and not call.certain and (self.closed or (self.ceiling is not None and not call.goes_on)):
            self._admit_if_room(call)
        elif holders and self._bind(call, holders):
            return
        self._enqueue(call)
        if (frame is not None or call.port.worker is not None) and len(self.live) > self.limit:
            self._offer(call, holders)

    def _enqueue(self, call: Call) -> None:
        """Put a call into the pool's queue, and start a thread where one is needed and allowed."""
        self.live.add(call)
        self.waiting.add(call)
        call.counted = True
        if self.threads < self.limit and self.threads < len(self.live):
            self._spawn_if_needed(call)
        self.queue.put(call)
        if self.stopped:  # the threads may just have been let go of, and the queue is a new one
            self._spawn_if_needed(call)

    def _admit_if_room(self, call: Call) -> None:
        """Refuse the call or count it as live; under a lock, so that two loops cannot both take the last place."""
        with self.lock:
            load = len(self.live)
            if self.closed:
                raise PoolClosed(self.name)
            full = self.ceiling is not None and load >= self.ceiling
            if full:
                self.rejected += 1
            else:
                self.live.add(call)
        if full:
            tell(call, "rejected")
            raise PoolFull(
                f"pool {self.name!r} is full: limit {self.limit}, {load} calls running or queued; "
                "raise max_queue or limit, or turn the work away"
            )

    def _bind(self, call: Call, holders: Sequence[Frame]) -> bool:
        """Have a call made in the body of an `acontext` run on the thread that is held for it; False where there is none.

        What that thread does just now is first. It takes the call wherever it comes to rest: in a `wait` for that very call,
        in a context inside this one. What would hold it on top of the loop that is to let go of it is not for it.
        """
        depth = next((n for n, holder in enumerate(holders) if holder.worker is not None), None)
        if depth is None or call.apart:
            return False
        held = holders[depth]
        worker = held.worker
        assert worker is not None, "it was just found"
        if call.holds and call.port.worker is worker:
            return False
        call.bound = worker
        self.waiting.add(call)
        places = [*dict.fromkeys((*holders[: depth + 1], *worker.held_frames()))]
        for place in places:
            if place.reserve():
                place.box.put((call, True))
                return True
        self._offer(call, places)
        if held.closed:
            self.unbind(call)
        return True

    def unbind(self, call: Call) -> None:
        """Let any thread run a call whose held thread has been let go of, unless that has begun it."""
        try:
            self.waiting.remove(call)
        except KeyError:
            return
        call.bound = None
        self._enqueue(call)

    def _offer(self, call: Call, holders: Sequence[Frame]) -> None:
        """Let those serve it who hold a slot and wait for it: in a full pool its turn might never come.

        Where its ancestors hold slots of other pools only, these may wait for each other.
        """
        call.offers = set(holders)
        NESTED.add(call)
        for holder in holders:
            holder.offer(call)
        worker = call.port.worker
        if worker is not None and worker.serves(call) and not call.holds:
            # The caller's loop runs inside a call of this pool: that call's thread is the holder. What holds a thread would
            # keep the very loop from turning that is to let go of it.
            call.offers.add(call.port)
            call.port.post(partial(call.port.lend, call))
        if may_stand_still(call):
            relieve(living())

    def _spawn_if_needed(self, call: Call) -> None:
        with self.lock:
            spawn = self.threads < min(len(self.live), self.limit)
            self.threads += spawn
        if spawn:
            self._spawn(call)

    def _spawn(self, call: Call) -> None:
        worker = Worker(f"{self.name}-{len(self.workers)}")
        thread = Thread(target=worker.work, args=(self.queue,), name=worker.name, daemon=True)
        # It must be found as soon as it runs: who looks for threads that wait would miss one that already does.
        self.workers.append(worker)
        try:
            thread.start()
        except RuntimeError:
            self.workers.remove(worker)
            with self.lock:
                self.threads -= 1
            if self.threads == 0:
                self.withdraw(call)
                raise

    def release(self, call: Call) -> None:
        """Give up the place of a call that ended, or will never start."""
        self.live.discard(call)
        if self.closed or NESTED:
            self.released(call)

    def released(self, call: Call) -> None:
        """Let those know to whom it matters that a place was given up."""
        NESTED.discard(call)
        if self.closed and not self.live:
            self._announce()
            if self.stopped and self.threads:
                self._let_go()

    def withdraw(self, call: Call) -> bool:
        """Take a queued call back; False when a thread has it already, or it must run."""
        if call.certain:
            return False
        try:
            self.waiting.remove(call)
        except KeyError:
            return False
        with self.lock:
            self.withdrawn += 1
            self.stale += 1
            sweep = self.stale > STALE_LIMIT and self.stale > 2 * len(self.waiting)
            if sweep:
                self.stale = 0
        self.release(call)
        if sweep:
            self._sweep()
        return True

    def _sweep(self) -> None:
        """Rotate the queue once and drop what was withdrawn; calls that come meanwhile may slip in between."""
        items = self.queue.items
        for _ in range(len(items)):
            try:
                call = items.popleft()
            except IndexError:
                return
            if call is None or call in self.waiting:
                self.queue.put(call)

    def close(self, drained: Callable[[], object]) -> None:
        """Admit nothing more; `drained` is called, in any thread, when the last call has ended."""
        with self.lock:
            self.closed = True
        self.drained.append(drained)
        if not self.live:
            self._announce()

    def _announce(self) -> None:
        while self.drained:
            self.drained.pop()()

    def refuse(self, call: Call) -> None:
        """End a call with PoolClosed unless a thread has it; from any thread."""
        if self.withdraw(call):
            call.port.post(partial(call.refuse, PoolClosed(self.name)))

    def give_up(self, hold: Call) -> bool:
        """Hold no thread where none is held yet, and refuse the calls given to it; False when there is one."""
        frame = hold.frame
        assert frame is not None, "what holds a thread serves through a frame"
        if not self.withdraw(hold):
            return False
        frame.closed = True
        with suppress(Empty):
            while True:
                call, _ = frame.box.get_nowait()
                if call is not None:
                    self.refuse(call)
        return True

    def stop(self) -> None:
        """End what has not started, kill processes, and let every thread end when it comes back.

        What cleans up later (an iterator that is left) finds a new queue, and gets a thread of its own, which ends after that.
        """
        for call in list(self.waiting):
            if call.holds:
                self.give_up(call)
            else:
                self.refuse(call)
        for worker in self.workers:
            if worker.remote is not None:
                worker.remote.kill()
        self.stopped = True
        self._let_go()

    def _let_go(self) -> None:
        """Let every thread end when it comes back."""
        with self.lock:
            queue = self.queue
            self._open_queue()
        _end_threads(queue, self.limit)


def _end_threads(queue: WorkQueue, limit: int) -> None:
    for _ in range(limit):
        queue.put(None)


BULKHEADS: WeakSet[Bulkhead] = WeakSet()
"""Every pool that is alive, for `pools()`."""


def relieve_all() -> None:
    """Get pools going again that wait for each other: a thread has come back to where it waits, see `standstill`."""
    if NESTED:
        relieve(living())


def living() -> list[Bulkhead]:
    """Return them. One that is made meanwhile in another thread may disturb the look, which is repeated then."""
    while True:
        try:
            return list(BULKHEADS)
        except RuntimeError:  # the set changed its size
            continue


def _reset_after_fork() -> None:
    NESTED.clear()
    for bulkhead in living():
        bulkhead.reset()


os.register_at_fork(after_in_child=_reset_after_fork)
