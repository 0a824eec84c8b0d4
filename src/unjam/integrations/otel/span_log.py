"""The spans that loops' tasks have begun, by task: whose work it was when a loop was held within one step."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any, NamedTuple

from opentelemetry.trace import SpanContext

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
    """A span processor (it keeps the protocol of the SDK's without needing it); spans that begin outside of a watched loop are none of it."""

    def __init__(self, number_of: Callable[[asyncio.AbstractEventLoop], int]) -> None:
        self._number_of = number_of
        self._lock = threading.Lock()
        self._open: OrderedDict[int, Logged] = OrderedDict()
        self._ended: deque[Logged] = deque(maxlen=MOST_ENDED)
        self._is_over = False

    def stop(self) -> None:
        """Log no more."""
        self._is_over = True
        self._open.clear()
        self._ended.clear()

    def innermost(self, loop: int, task: str, t0: int, t1: int) -> SpanContext | None:
        """The span of that task that began last of those that cover at least half of the time from `t0` to `t1`."""
        with self._lock:
            known = [*self._open.values(), *self._ended]
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
        number = 0 if loop is None else self._number_of(loop)
        task = names.task(asyncio.current_task(loop)) if number else None
        if task is None:
            return
        with self._lock:
            context = span.get_span_context()
            self._open[context.span_id] = Logged(number, task["name"], context, time.monotonic_ns())
            if len(self._open) > MOST_OPEN:
                self._open.popitem(last=False)

    def on_end(self, span: Any) -> None:
        """Called by the SDK in the thread that ends a span."""
        with self._lock:
            logged = self._open.pop(span.get_span_context().span_id, None)
            if logged is not None:
                self._ended.append(logged._replace(t1=time.monotonic_ns()))

    def _on_ending(self, span: Any) -> None:
        """Called by newer SDKs before `on_end`."""

    def shutdown(self) -> None:
        """Called by the SDK at its end."""
        self.stop()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is kept back."""
        del timeout_millis
        return True
