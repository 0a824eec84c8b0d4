"""The spans that loops' tasks have begun, by task: whose work it was when a loop was held within one step."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from opentelemetry.trace import SpanContext

from unjam.failure import report_failure
from unjam.probes import names

MOST_OPEN = 10_000
"""Spans of loops' tasks that are open at a time; beyond it the oldest are forgotten."""

MOST_ENDED = 512
"""Spans remembered after their end: those of the second in which their stall is judged."""


class Logged(NamedTuple):
    """A span that a task of a loop began: from `t0`, to `t1` (0: it has not ended), in nanoseconds of CLOCK_MONOTONIC."""

    loop: int
    task: str
    span: SpanContext
    t0: int
    t1: int = 0


class SpanLog:
    """A span processor (it keeps the protocol of the SDK's without needing it); spans that begin outside of a watched loop are none of it.

    It is called for every span: each step of it is one that the GIL makes whole, so there is no lock.
    """

    def __init__(self, number_of: Callable[[asyncio.AbstractEventLoop], int]) -> None:
        self._number_of = number_of
        self._open: dict[int, Logged] = {}
        self._ended: deque[Logged] = deque(maxlen=MOST_ENDED)
        self._is_over = False

    def stop(self) -> None:
        """Log no more."""
        self._is_over = True
        self._open.clear()
        self._ended.clear()

    def innermost(self, loop: int, task: str, t0: int, t1: int) -> SpanContext | None:
        """The span of that task that began last of those that cover at least half of the time from `t0` to `t1`."""
        known = [*tuple(self._open.values()), *tuple(self._ended)]
        mine = [
            logged
            for logged in known
            if (logged.loop, logged.task) == (loop, task)
            and 2 * (min(logged.t1 or t1, t1) - max(logged.t0, t0)) >= t1 - t0
        ]
        return max(mine, key=lambda logged: logged.t0).span if mine else None

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        """Called by the SDK in the thread that begins a span."""
        del parent_context
        loop = None if self._is_over else asyncio._get_running_loop()  # noqa: SLF001 -- get_running_loop raises where there is none
        if loop is not None:
            try:
                self._begin(span.get_span_context(), loop)
            except Exception as error:  # noqa: BLE001 -- the program begins its span all the same
                self.stop()
                report_failure("spans are not known any more", error)

    def on_end(self, span: Any) -> None:
        """Called by the SDK in the thread that ends a span."""
        logged = self._open.pop(span.get_span_context().span_id, None)
        if logged is not None:
            self._ended.append(Logged(logged.loop, logged.task, logged.span, logged.t0, time.monotonic_ns()))

    def _begin(self, context: SpanContext, loop: asyncio.AbstractEventLoop) -> None:
        number = self._number_of(loop)
        name = _name_of(asyncio.current_task(loop)) if number else ""
        if name:
            self._open[context.span_id] = Logged(number, name, context, time.monotonic_ns())
            if len(self._open) > MOST_OPEN:
                self._open.pop(next(iter(tuple(self._open))), None)

    def _on_ending(self, span: Any) -> None:
        """Called by newer SDKs before `on_end`."""

    def shutdown(self) -> None:
        """Called by the SDK at its end."""
        self.stop()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is kept back."""
        del timeout_millis
        return True


def _name_of(task: Any) -> str:
    """The name of a task; that of a class of the program's own is read past what it may have overridden."""
    if type(task) is asyncio.Task:
        return task.get_name()
    named = names.task(task)
    return named["name"] if named else ""
