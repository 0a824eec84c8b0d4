"""Scopes of anyio and trio, and trio's loop; loaded only where one of them is in use already."""

from __future__ import annotations

import logging
import sys
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from unjam.bridge.ports import OTHERS, Port, open_port

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager

    from unjam.bridge.ports import Timer
    from unjam.bridge.waiting import Request


def shield() -> AbstractContextManager[object]:
    """Return a scope that the cancellation of those around it does not enter."""
    library = sys.modules["trio"] if _trio_token() is not None else sys.modules.get("anyio")
    if library is None:
        return nullcontext()  # plain asyncio beside an unused trio
    return cast("AbstractContextManager[object]", library.CancelScope(shield=True))


def trio_port() -> Port | None:
    """Return the port of the trio run in this thread, if there is one."""
    token = _trio_token()
    if token is None:
        return None
    return OTHERS.get(token) or open_port(token, TrioPort)


def _trio_token() -> Any:
    trio: Any = sys.modules.get("trio")
    if trio is None or not hasattr(trio, "lowlevel"):
        return None
    with suppress(RuntimeError):
        return trio.lowlevel.current_trio_token()
    return None


class TrioPort(Port):
    """The mailbox of one trio run."""

    def __init__(self, token: Any) -> None:
        super().__init__()
        self._trio: Any = sys.modules["trio"]
        self._token = token
        self.ends_tasks = (self._trio.Cancelled, GeneratorExit)
        self.future = cast("Any", partial(_TrioFuture, self._trio.lowlevel))
        self.wake = self._run_soon
        self.closed = self._is_over
        self.running = lambda: not self._is_over()

    def attach(self) -> None:
        """As Port."""
        OTHERS[self._token] = self

    def detach(self) -> None:
        """As Port."""
        OTHERS.pop(self._token, None)

    def _run_soon(self) -> None:
        with suppress(self._trio.RunFinishedError):
            self._token.run_sync_soon(self.drain)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """As Port."""
        scope: Timer = self._trio.CancelScope()

        async def sleep_and_call() -> None:
            with cast("AbstractContextManager[object]", scope):
                await self._trio.sleep(seconds)
                callback()

        self._trio.lowlevel.spawn_system_task(sleep_and_call)
        return scope

    async def checkpoint(self) -> None:
        """As Port."""
        await self._trio.lowlevel.checkpoint()

    def _is_over(self) -> bool:
        try:
            self._token.run_sync_soon(lambda: None)
        except self._trio.RunFinishedError:
            return True
        return False

    def start(self, request: Request) -> None:
        """As Port; a system task, because it belongs to no nursery that the caller knows."""
        scope = request.task = self._trio.CancelScope()

        async def serve() -> None:
            with scope:
                await request.serve()

        self._trio.lowlevel.spawn_system_task(serve, context=request.context)

    def report(self, text: str, exception: BaseException) -> None:
        """As Port."""
        logging.getLogger("unjam").error(text, exc_info=exception)


class _TrioFuture:
    """As much of asyncio's Future as the bridge uses, for one task that awaits it."""

    def __init__(self, lowlevel: Any) -> None:
        self._lowlevel = lowlevel
        self._task: Any = None
        self._outcome: tuple[Any, BaseException | None] | None = None
        self._cancelled = False

    def done(self) -> bool:
        return self._cancelled or self._outcome is not None

    def cancelled(self) -> bool:
        return self._cancelled

    def set_result(self, result: Any) -> None:
        self._settle((result, None))

    def set_exception(self, exception: BaseException) -> None:
        self._settle((None, exception))

    def _settle(self, outcome: tuple[Any, BaseException | None]) -> None:
        self._outcome = outcome
        if self._task is not None:
            self._lowlevel.reschedule(self._task)

    def _abort(self, _raise: object) -> Any:
        self._cancelled = True
        return self._lowlevel.Abort.SUCCEEDED

    def __await__(self) -> Generator[Any, Any, Any]:
        if self._outcome is None:
            self._task = self._lowlevel.current_task()
            yield from self._lowlevel.wait_task_rescheduled(self._abort).__await__()
        assert self._outcome is not None, "only an outcome reschedules the task"
        result, exception = self._outcome
        if exception is not None:
            raise exception
        return result
