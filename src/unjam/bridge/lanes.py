"""One thread of a pool, held for as long as somebody needs that very thread."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from queue import Empty
from threading import get_ident
from typing import TYPE_CHECKING, Any
from weakref import ref

from unjam.bridge.bulkhead import relieve_all
from unjam.bridge.calls import Call
from unjam.bridge.lineage import Frame, may_take
from unjam.bridge.ports import current_port
from unjam.bridge.workers import WORKERS
from unjam.errors import WouldDeadlock

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from unjam.bridge.bulkhead import Bulkhead


class Lane:
    """A held thread: it serves the calls given to it, in order, until it is ended. It takes one slot of its pool."""

    def __init__(
        self, bulkhead: Bulkhead, target: object, keeper: object, *, last: Callable[[], object] | None = None
    ) -> None:
        self._bulkhead = bulkhead
        self.keeper = ref(keeper)
        """Who ends it: for those who ask what a thread is held for."""
        self.frame = Frame(bulkhead, idle=True)
        self._hold = Call(bulkhead, current_port(), self._serve, (), {})
        self._hold.holds = True
        self._last = last
        """What the thread does at the very end, of a lane that outlives the body in which it is opened."""
        self._hold.apart = last is not None
        self._hold.frame = self.frame
        self._hold.target = target

    def open(self) -> None:
        """Queue for a thread; raises as `Bulkhead.admit`, and WouldDeadlock where this loop runs in the pool's only thread.

        Nothing may be held on top of the loop that is to let go of it.
        """
        bulkhead = self._bulkhead
        if bulkhead.limit == 1 and self._hold.port.worker in bulkhead.workers:
            raise WouldDeadlock(
                f"pool {bulkhead.name!r} has one thread, and this loop runs in it: "
                "enter the context there directly, or raise the limit"
            )
        bulkhead.admit(self._hold)

    def give(
        self,
        fn: Callable[..., Any],
        *args: Any,
        target: object = None,
        context: Context | None = None,
        certain: bool = False,
    ) -> Call:
        """Have `fn(*args)` run in the thread, after what was given before; returns the call to await.

        It is told as `target`, by default as what the thread is held for.
        """
        call = Call(self._bulkhead, current_port(), fn, args, {})
        call.target = self._hold.target if target is None else target
        call.certain = certain
        if context is not None:
            call.context = context
        self._bulkhead.waiting.add(call)
        self.frame.offer(call)
        if self.frame.closed:  # what was given before has been ended, and this may have come too late for that
            self._bulkhead.refuse(call)
        return call

    def withdraw(self) -> bool:
        """Give up before there was a thread, and end the calls given so far with PoolClosed; False when there is one."""
        return self.frame.closed or self._bulkhead.give_up(self._hold)

    def end(self) -> None:
        """Let the thread go after what was given so far."""
        self.frame.box.put((None, False))

    def _serve(self) -> None:
        """Serve until the end was asked for and nobody has reserved the thread; runs in it.

        Whatever runs here takes the thread's idleness with it, so that what it waits for is not reserved to it. Where
        somebody else was faster, his call is in the box or about to be, and goes first.
        """
        self.frame.worker = worker = WORKERS[get_ident()]
        box, spare = self.frame.box, self.frame.spare
        assert spare is not None, "a lane's frame is idle by nature"
        later: deque[Call] = deque()
        ending = False
        while True:
            reserved = False
            if later and spare.acquire(blocking=False):
                call = later.popleft()
            elif ending and not later and spare.acquire(blocking=False):
                break
            else:
                call, reserved = box.get()
                if call is None:
                    ending = True
                    continue
                if not reserved and not spare.acquire(blocking=False):
                    later.append(call)
                    continue
            if reserved or may_take(call, self.frame):
                call.execute(worker, spare)
            else:
                spare.release()
            del call  # or it would be kept with its arguments and its result for as long as the thread is idle
            if worker.forked:
                return
            if box.empty() and not later:
                relieve_all()
        self._close()
        if self._last is not None:
            self._last()

    def _close(self) -> None:
        """Leave what came too late to the pool's other threads."""
        self.frame.closed = True
        with suppress(Empty):
            while True:
                call, _ = self.frame.box.get_nowait()
                if call is not None:
                    self._bulkhead.unbind(call)
