"""The pool as users see it: a view of one bulkhead with one set of options."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from unjam.bridge.bulkhead import Bulkhead
from unjam.bridge.calls import Call
from unjam.bridge.options import Kind, OptionChanges, Options
from unjam.bridge.ports import current_port
from unjam.bridge.supervision import outlive, supervise
from unjam.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Unpack

    from unjam.bridge.events import PoolEvent

P = ParamSpec("P")
R = TypeVar("R")


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
        if limit < 1:
            raise UsageError(f"limit must be at least 1, not {limit!r}")
        if max_queue is not None and max_queue < 0:
            raise UsageError(f"max_queue must be at least 0, or None, not {max_queue!r}")
        self._bulkhead = Bulkhead(
            name, limit, kind=kind, max_queue=max_queue, stuck_after=stuck_after, on_event=on_event
        )
        self._options = Options()
        self._plain = on_event is None

    def options(self, **changes: Unpack[OptionChanges]) -> Pool:
        """Return a view of this pool: the same threads, its calls treated differently, see Options."""
        view = object.__new__(Pool)
        view._bulkhead = self._bulkhead  # noqa: SLF001 - another of this class
        view._options = options = replace(self._options, **changes)  # noqa: SLF001
        options.check(self._bulkhead.kind)
        view._plain = options == Options() and self._bulkhead.on_event is None  # noqa: SLF001
        return view

    async def run(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `fn(*args, **kwargs)` in a thread of the pool and return what it returns.

        The function sees a copy of the caller's contextvars. Its exceptions come back whole; StopIteration as the cause of
        a RuntimeError. Raises PoolFull, QueueTimeout, TimeoutError (it ran too long) and PoolClosed.
        """
        call = Call(self._bulkhead, current_port(), fn, args, kwargs)
        self._bulkhead.admit(call)
        if not self._plain:
            return await supervise(call, self._options)  # type: ignore[no-any-return]
        try:
            return await call.future  # type: ignore[no-any-return]
        except BaseException as exc:
            await outlive(call, self._options, exc)
            raise

    def wrap(self, fn: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
        """Make a coroutine function of `fn` that runs it in this pool; usable as a decorator."""

        @functools.wraps(fn)
        async def in_pool(*args: P.args, **kwargs: P.kwargs) -> R:
            return await self.run(fn, *args, **kwargs)

        return in_pool
