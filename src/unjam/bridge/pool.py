"""The pool as users see it: a view of one bulkhead with one set of options."""

from __future__ import annotations

import functools
from dataclasses import replace
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, get_args

from unjam.bridge.arguments import is_async, refuse_async, whole
from unjam.bridge.bulkhead import Bulkhead
from unjam.bridge.calls import Call
from unjam.bridge.contexts import ThreadContext
from unjam.bridge.iteration import iterate
from unjam.bridge.options import Kind, OptionChanges, Options
from unjam.bridge.pinned import Pinned
from unjam.bridge.ports import current_port
from unjam.bridge.stats import PoolStats, RunningCall, running_calls, snapshot
from unjam.bridge.supervision import outlive, supervise
from unjam.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from typing import Unpack

    from unjam.bridge.events import PoolEvent

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Pool:
    """Threads, processes or interpreters for one resource, at most `limit` of them: a bulkhead.

    Make one for each thing that can be slow by itself (a database, a disk, an API), so that one cannot starve the others.
    A call keeps its slot until its function has really ended, whatever became of its caller. `max_queue` bounds the calls
    that wait for a slot (None: no bound, 0: none may wait). `on_event` is told of the rare things, see PoolEvent, on the
    caller's loop; `stuck_after` (seconds) is when it and `stats` call a run stuck.

    A pool may be used from several loops and threads, and after a fork. Its threads are daemons: a stuck one never holds
    up the end of the program; `aclose` waits, for as long as it is told.
    """

    def __init__(
        self,
        name: str,
        limit: int = 8,
        *,
        kind: Kind = "thread",
        max_queue: int | None = None,
        stuck_after: float = 30.0,
        on_event: Callable[[PoolEvent], object] | None = None,
    ) -> None:
        whole("limit", limit, 1)
        if max_queue is not None:
            whole("max_queue", max_queue, 0)
        if kind not in get_args(Kind):
            raise UsageError(f"kind must be one of {', '.join(get_args(Kind))}, not {kind!r}")
        self._bulkhead = Bulkhead(
            name, limit, kind=kind, max_queue=max_queue, stuck_after=stuck_after, on_event=on_event
        )
        self._options = Options()
        self._plain = on_event is None

    def options(self, **changes: Unpack[OptionChanges]) -> Pool:
        """Return a view of this pool: the same threads, its calls treated differently, see Options."""
        view = object.__new__(Pool)
        view._bulkhead = self._bulkhead
        view._options = options = replace(self._options, **changes)
        options.check(self._bulkhead.kind)
        view._plain = options == Options() and self._bulkhead.on_event is None
        return view

    async def run(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `fn(*args, **kwargs)` in a thread of the pool and return what it returns.

        The function sees a copy of the caller's contextvars. Its exceptions come back whole; StopIteration as the cause of
        a RuntimeError. Raises PoolFull, QueueTimeout, TimeoutError (it ran too long), PoolClosed, and UsageError for an
        `async def`, of which nothing runs.
        """
        if self._bulkhead.elsewhere is not None:
            refuse_async(fn)
            call = Call(self._bulkhead, current_port(), self._bulkhead.elsewhere, (fn, args, kwargs), {})
            call.target = fn
        else:
            call = Call(self._bulkhead, current_port(), fn, args, kwargs)
        self._bulkhead.admit(call)
        if not self._plain:
            result = await supervise(call, self._options)
        else:
            try:
                result = await call.future
            except BaseException as exc:
                await outlive(call, self._options, exc)
                raise
        if type(result) is CoroutineType and is_async(
            fn
        ):  # known by what it gives, as to ask every function would take longer
            result.close()
            refuse_async(fn)
        return result  # type: ignore[no-any-return]

    def wrap(self, fn: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
        """Make a coroutine function of `fn` that runs it in this pool; usable as a decorator. Raises UsageError for an `async def`."""
        refuse_async(fn)

        @functools.wraps(fn)
        async def in_pool(*args: P.args, **kwargs: P.kwargs) -> R:
            return await self.run(fn, *args, **kwargs)

        return in_pool

    def aiter(self, iterable: Iterable[T], *, max_items: int = 256, max_wait: float = 0.005) -> AsyncGenerator[T, None]:
        """Iterate over `iterable` in the pool's threads: `async for item in pool.aiter(rows)`.

        One hop reads up to `max_items`, or what comes within `max_wait` seconds of the first and one more: no item waits
        longer for the rest of its batch. The thread is free while the consumer works. A generator sees one context
        throughout, and is closed in a thread of the pool when the consumer leaves early: at once, or when the thread has
        got the item for which it waits. Inside `acontext` of the same pool all of that happens on the held thread.

        `timeout` and `queue_timeout` hold for each batch. Only the first needs room in the queue; PoolClosed ends an
        iteration at its next batch.
        """
        self._need_threads("aiter")
        whole("max_items", max_items, 1)
        return iterate(self._bulkhead, self._options, iterable, max_items, max_wait)

    def acontext(self, cm: AbstractContextManager[T, bool | None]) -> AbstractAsyncContextManager[T, bool | None]:
        """Enter and leave `cm` on one thread: `async with pool.acontext(Session()) as session`.

        The thread is held in between and runs all calls to this pool that come from the body, one at a time: those of tasks
        that it starts, of what it waits for in other threads, of contexts inside. So a body needs one slot only and its exit
        never queues. Where the caller is cancelled while `__enter__` runs, `__exit__` follows in the thread.
        """
        self._need_threads("acontext")
        return ThreadContext(self._bulkhead, self._options, cm)

    def pinned(self, factory: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Pinned[T]:
        """Return an object made by `factory(*args, **kwargs)` that is only ever touched on one thread, see Pinned."""
        self._need_threads("pinned")
        return Pinned(self._bulkhead, self._options, functools.partial(factory, *args, **kwargs), factory)

    def stats(self) -> PoolStats:
        """Return what the pool is doing now, and what it has done; from any thread."""
        return snapshot(self._bulkhead)

    async def aclose(self, timeout: float) -> list[RunningCall]:  # noqa: ASYNC109 - the wait is shared by many calls, not one await
        """Take no more calls, let those finish that are in, and return those that run after `timeout` seconds all the same.

        Calls that have not even started by then are ended with PoolClosed. Threads that are stuck are left to themselves
        and end if they ever come back; processes are killed.
        """
        bulkhead, port = self._bulkhead, current_port()
        idle = port.future()

        def announce() -> None:
            if not idle.done():
                idle.set_result(None)

        timer = port.call_later(timeout, announce)
        bulkhead.close(lambda: port.post(announce))
        try:
            await idle
        finally:
            timer.cancel()
        stuck = running_calls(bulkhead)
        bulkhead.stop()
        return stuck

    def _need_threads(self, what: str) -> None:
        if self._bulkhead.elsewhere is not None:
            raise UsageError(f"{what} needs kind='thread': what it holds cannot be sent to a {self._bulkhead.kind}")
