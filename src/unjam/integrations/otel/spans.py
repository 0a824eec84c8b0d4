"""Stalls as spans: `event_loop_blocked`, back-dated, below the span of whoever held the loop and below each span that had to wait.

Whose span it was is known in the loop's thread only: there the context of a late step, and of each step that waited, is asked for its
span. A span that began and ended within one long step is in no context any more, so the spans of loops' tasks are remembered as well.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable
from contextvars import Context
from typing import Any, NamedTuple

from opentelemetry import trace
from opentelemetry.trace import Span, SpanContext, TracerProvider

from unjam import __version__
from unjam.failure import report_failure
from unjam.integrations.otel.histograms import SCOPE
from unjam.integrations.otel.span_log import SpanLog
from unjam.integrations.otel.writing import EVENT, Stalled, Target, Writer, wall_ns
from unjam.model.findings import Finding
from unjam.model.session import Event
from unjam.monitor import Monitor

MOST_STEPS = 256
"""Late steps with a span remembered until their stall has been judged, a second later at the most."""

MOST_STALLS = 64
"""Stalls of which it is remembered whom they delayed, until they are judged."""

LATE = 5
"""A step is a candidate for the one that held the loop from this part of the threshold on, as in the recording."""


SAME_NS = 1_000_000
"""Begins of a turn that differ by less are one: no turn that is a stall is followed by another one so soon."""


class LateStep(NamedTuple):
    """A step of a loop from `t0` to `t1` in nanoseconds of CLOCK_MONOTONIC, and the span that its context had after it."""

    loop: int
    t0: int
    t1: int
    span: SpanContext


class Spans:
    """Follows a monitor; what it notes in the loops' threads costs some microseconds for each late step and nothing for others."""

    def __init__(self, provider: TracerProvider) -> None:
        self._log = SpanLog(self._number_of)
        add = getattr(provider, "add_span_processor", None)
        if add is not None:
            add(self._log)
        self._writer = Writer(provider.get_tracer(SCOPE, __version__))
        self._monitor: Monitor | None = None
        self._lock = threading.Lock()
        self._steps: deque[LateStep] = deque(maxlen=MOST_STEPS)
        self._delayed: OrderedDict[int, list[Target]] = OrderedDict()
        self._during: OrderedDict[int, SpanContext] = OrderedDict()

    def follow(self, watched: Monitor) -> None:
        """Make spans of what this monitor sees."""
        self._leave()
        self._monitor = watched
        watched.observers.steps.append(self._on_step)
        watched.observers.victims.append(self._on_victim)
        watched.tell().judged.append(self._judged)
        watched.subscribe(self._receive)

    def stop(self) -> None:
        """Make no more; a provider keeps its processors, so ours does nothing from now on."""
        self._leave()
        self._log.stop()

    def _leave(self) -> None:
        watched, self._monitor = self._monitor, None
        if watched is not None:
            watched.unsubscribe(self._receive)
            told: Any
            for observers, told in (
                (watched.observers.steps, self._on_step),
                (watched.observers.victims, self._on_victim),
                (watched.tell().judged, self._judged),
            ):
                if told in observers:
                    observers.remove(told)

    def _number_of(self, loop: asyncio.AbstractEventLoop) -> int:
        watched = self._monitor
        return 0 if watched is None else watched.number_of(loop)

    def _on_step(self, loop: int, stall: int, handle: Any, t0: int, t1: int, *_others: int) -> None:
        del stall
        if t1 - t0 < self._least_ns():
            return
        span = _span_in(handle._context)  # noqa: SLF001 -- a slot of asyncio.Handle
        if span is None:
            return
        self._steps.append(LateStep(loop, t0, t1, span.get_span_context()))
        if t1 - t0 >= LATE * self._least_ns():
            span.add_event(EVENT, _event("holder", t1 - t0), wall_ns(t1))

    def _on_victim(  # noqa: PLR0917 -- the engine's contract
        self, loop: int, stall: int, handle: Any, ready_ns: int, now_ns: int, ended_ns: int, turn: int
    ) -> None:
        del loop, ended_ns
        span = _span_in(handle._context) if turn <= 1 else None  # noqa: SLF001 -- a slot of asyncio.Handle
        if span is None:
            return
        when = getattr(handle, "_when", None)
        since = max(ready_ns, round(when * 1e9)) if type(when) is float else ready_ns
        if now_ns - since < self._least_ns() or self._held(span, ready_ns):
            return
        if self._note(stall, Target(span.get_span_context(), "delayed", since, max(since, now_ns))):
            span.add_event(EVENT, _event("delayed", now_ns - since), wall_ns(now_ns))

    def _least_ns(self) -> int:
        """What is too short to be told of."""
        watched = self._monitor
        return (0 if watched is None else watched.settings.threshold_ns) // LATE

    def _held(self, span: Span, since_ns: int) -> bool:
        """Whether a span that waited is the one that held the loop: it waited for itself."""
        number = span.get_span_context().span_id
        return any(step.span.span_id == number and step.t1 >= since_ns for step in list(self._steps))

    def _receive(self, event: Event) -> None:
        """A stall goes on: ask the loop's current task for its span, which newer Pythons tell (3.12), if it is still that stall."""
        watched, ask = self._monitor, getattr(asyncio.Task, "get_context", None)
        if event["e"] != "stall" or event["t1"] is not None or watched is None or ask is None:
            return
        loop, engine = watched.loop_of(event["loop"]), watched.engine
        if loop is None or engine is None:
            return  # told of while watching ends, or after the loop has gone
        task = asyncio.current_task(loop)
        span = _span_in(ask(task)) if task is not None else None
        since = (engine.loop_stats(event["loop"]) or {}).get("away_since_ns")
        if span is not None and since is not None and abs(since - event["t0"]) < SAME_NS:
            self._during[event["id"]] = span.get_span_context()
            while len(self._during) > MOST_STALLS:
                self._during.popitem(last=False)

    def _note(self, stall: int, target: Target) -> bool:
        """Remember whom a stall delayed; false for one that is known already."""
        with self._lock:
            known = self._delayed.setdefault(stall, [])
            if any(target.span.span_id == other.span.span_id for other in known):
                return False
            known.append(target)
            while len(self._delayed) > MOST_STALLS:
                self._delayed.popitem(last=False)
            return True

    def _judged(self, stall: Event, found: tuple[Finding, ...]) -> None:
        with self._lock:
            delayed = self._delayed.pop(stall["id"], [])
        if not found:
            return
        try:
            holder = self._holder(stall, found[0])
            targets = [
                *_as_list(holder),
                *(t for t in delayed if holder is None or t.span.span_id != holder.span.span_id),
            ]
            if targets:
                self._writer.put(Stalled(found[0], holder.span if holder else None, tuple(targets)))
        except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
            report_failure("a stall has no span", error)

    def _holder(self, stall: Event, finding: Finding) -> Target | None:
        """The span in which the loop was held: the innermost of the task's own that covers most of it, else its context's, in it or after it."""
        t0, t1 = stall["t0"], stall["t1"]
        name = finding.task.name if finding.task else ""
        span = self._log.innermost(stall["loop"], name, t0, t1) if name else None
        span = span or self._during.pop(stall["id"], None)
        if span is None:
            steps = [step for step in list(self._steps) if step.loop == stall["loop"]]
            longest = max(steps, key=lambda step: min(step.t1, t1) - max(step.t0, t0), default=None)
            covers = longest is not None and 2 * (min(longest.t1, t1) - max(longest.t0, t0)) >= t1 - t0
            span = longest.span if longest is not None and covers else None
        return None if span is None else Target(span, "holder", t0, t1)


def _span_in(context: Context | None) -> Span | None:
    """The recorded span of a context; a copy is asked, for the context itself may be entered."""
    if context is None:
        return None
    span = context.copy().run(trace.get_current_span)
    return span if span.is_recording() or span.get_span_context().is_valid else None


def _event(role: str, length_ns: int) -> dict[str, str | float]:
    return {"unjam.role": role, "unjam.duration": length_ns / 1e9}


def _as_list(target: Target | None) -> Iterable[Target]:
    return [] if target is None else [target]
