"""Making the spans, in a thread of their own: an exporter that hangs or raises keeps nobody but this thread."""

from __future__ import annotations

import os
import queue
import threading
import time
from typing import Any, Final, Literal, NamedTuple

from opentelemetry import trace
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, Tracer

from unjam.failure import report_failure, say
from unjam.model.findings import Finding

SPAN: Final = "event_loop_blocked"
EVENT: Final = "event_loop_blocked"

MOST_WAITING = 200
"""Stalls whose spans wait to be made: an exporter that does not keep up with these is stuck, and what comes then is lost."""


class Target(NamedTuple):
    """A span that a stall belongs to, as the one that held the loop or one that it delayed, from `t0` to `t1` on CLOCK_MONOTONIC."""

    span: SpanContext
    role: Literal["holder", "delayed"]
    t0: int
    t1: int


class Stalled(NamedTuple):
    """A stall with its main finding, the span in which the loop was held where that is known, and all spans that it belongs to."""

    finding: Finding
    holder: SpanContext | None
    targets: tuple[Target, ...]


class Writer:
    """Makes spans of stalls one after another."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._has_failed = self._is_full = False
        self._thread: threading.Thread | None = None
        self._begin()

    def put(self, stalled: Stalled) -> None:
        """Have the spans of a stall made, without waiting."""
        if self._pid != os.getpid():
            self._begin()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="unjam-spans", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(stalled)
            self._is_full = False
        except queue.Full:
            if not self._is_full:
                self._is_full = True
                say("unjam: spans of stalls are lost: the exporter does not keep up; your program is unaffected")

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._waiting: queue.Queue[Stalled] = queue.Queue(MOST_WAITING)
        self._thread = None

    def _run(self) -> None:
        while True:
            stalled = self._waiting.get()
            for target in stalled.targets:
                try:
                    self._write(stalled, target)
                except Exception as error:  # noqa: BLE001 -- the exporter is the program's own
                    if not self._has_failed:
                        self._has_failed = True
                        report_failure("spans of stalls are missing", error)

    def _write(self, stalled: Stalled, target: Target) -> None:
        is_victim = target.role == "delayed" and stalled.holder is not None
        links = [Link(stalled.holder)] if is_victim and stalled.holder is not None else []
        span = self._tracer.start_span(
            SPAN,
            context=trace.set_span_in_context(NonRecordingSpan(target.span)),
            links=links,
            start_time=wall_ns(target.t0),
            attributes=attributes_of(stalled.finding, target.role),
        )
        span.end(wall_ns(target.t1))


def attributes_of(finding: Finding, role: str) -> dict[str, Any]:
    """What is said of a stall, by the names of OpenTelemetry's conventions for code and threads, ours for the rest."""
    culprit = finding.culprit
    known = {
        "unjam.role": role,
        "unjam.cause": finding.cause,
        "unjam.rule": finding.rule,
        "unjam.grade": finding.grade.label,
        "unjam.leaf": finding.leaf,
        "unjam.delayed": (finding.victim_count or None) if role == "holder" else None,
        "code.file.path": culprit.file if culprit else None,
        "code.line.number": culprit.line if culprit else None,
        "code.function.name": culprit.function if culprit else None,
        "thread.name": finding.thread,
    }
    return {name: value for name, value in known.items() if value not in {None, ""}}


def wall_ns(monotonic_ns: int) -> int:
    """A moment of CLOCK_MONOTONIC as nanoseconds since 1970, as spans have them."""
    return time.time_ns() - (time.monotonic_ns() - monotonic_ns)
