"""The requests of this process: begun, watched by the engine, and set against those who held their loop."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from unjam import monitor
from unjam.failure import report_failure, say
from unjam.integrations.web import telling
from unjam.integrations.web.request import Hold, Request
from unjam.probes import names, requests
from unjam.probes.arrivals import TICK_NS

MOST_HOLDS = 16
"""Holds of one loop that are remembered: a request looks back over three turns, and a conclusion comes a tenth of a second later."""

OVERLAP_NS = 1_000_000
"""A hold is blamed for a delay of 1 ms or more: less is the turn that anybody takes."""

VARIABLE: ContextVar[Any] = ContextVar("unjam_request", default=None)
"""The request of the present context; it may be over."""


class Tracker:
    """Hands out requests while a monitor watches; one for each process."""

    def __init__(self) -> None:
        self.monitor: monitor.Monitor | None = None
        self.holds: dict[int, deque[Hold]] = {}
        self._told = False
        self._stop_telling: Callable[[], None] = _nothing
        self.begin: Callable[[Any, Callable[[Any], str]], Any]
        """A request that begins here, given its scope and what names that, in its loop's thread; None where it is part of another, or nothing
        can be observed. The engine's own function where it counts: each request calls it."""
        self.forget()

    def wire(self) -> bool:
        """Have the engine of the present monitor count; where there is none, say so once. Whether it counts."""
        watched = monitor.current()
        engine = None if watched is None else watched.engine
        self.forget()
        self.monitor = watched
        if watched is None or engine is None:
            self._tell_once()
            return False
        made: Any = type("Request", (Request, engine.Tally), {"__slots__": (), "anew": self._anew})
        self.begin = made.of
        engine.set_tally(VARIABLE, self._observe)
        _watch_forks()
        self._stop_telling = telling.wire(watched, lambda: self.holds)
        return True

    def forget(self) -> None:
        """Another process, or another monitor: nothing that was known is."""
        self._stop_telling()
        self._stop_telling = _nothing
        self.monitor, self.begin, self.holds = None, self._anew, {}

    def _anew(self, scope: Any, name_of: Callable[[Any], str]) -> Any:
        """A request while the engine does not count yet, or no more."""
        return self.begin(scope, name_of) if self.wire() else None

    def _tell_once(self) -> None:
        if not self._told:
            self._told = True
            say(
                "unjam: requests are not measured, because this process is not watched: call unjam.install(), or start it with unjam run"
            )

    def _observe(self, loop: int, who: Any, begin_ns: int, end_ns: int, waited: bool) -> int | None:  # noqa: FBT001 -- the engine's contract
        try:
            if waited:
                return self._waited(loop, who, begin_ns, end_ns)
            self._held(loop, who, begin_ns, end_ns)
        except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
            report_failure("a request's delay is not explained", error)
        return None

    def _held(self, loop: int, who: Any, begin_ns: int, end_ns: int) -> None:
        request = who if isinstance(who, Request) else None
        hold = Hold(begin_ns, end_ns, request, "" if request is not None else _name(who))
        self.holds.setdefault(loop, deque(maxlen=MOST_HOLDS)).append(hold)
        if request is not None:
            request.add_hold(hold)

    def _waited(self, loop: int, request: Request, begin_ns: int, end_ns: int) -> int:
        """A wait is over; returns since when it was one."""
        begin_ns = max(begin_ns, _came_ns(request, end_ns))
        for hold in reversed(self.holds.get(loop, ())):
            if hold.end_ns <= begin_ns:
                break  # as all that came before it
            delay = min(end_ns, hold.end_ns) - max(begin_ns, hold.begin_ns)
            if delay >= OVERLAP_NS and hold.request is not request:
                request.add_delay(hold, delay)
                hold.delays_request(request, delay)
        return begin_ns


def _came_ns(request: Request, now_ns: int) -> int:
    """When a request came at the earliest that begins just now; 0 where that is not known, or it has begun before."""
    if request.scope is not None:
        return 0
    came = requests.came_ns(asyncio.current_task(), now_ns)
    return 0 if came is None else came - TICK_NS


def _nothing() -> None:
    """What ends the telling of requests where it has not begun."""


def _name(who: Any) -> str:
    """The task, or the callback, of a handle; "" for nobody known."""
    callback = getattr(who, "_callback", None)
    if callback is None:
        return ""
    task = names.task(names.task_of(callback))
    return f"task {task['coroutine']}" if task else f"callback {names.callable_name(callback)}"


tracker = Tracker()

_forks_are_watched = False


def _watch_forks() -> None:
    """A fork's child counts anew; that cannot be undone, so it is asked for once."""
    global _forks_are_watched  # noqa: PLW0603 -- see above
    if not _forks_are_watched and hasattr(os, "register_at_fork"):
        _forks_are_watched = True
        os.register_at_fork(after_in_child=tracker.forget)


def current() -> Request | None:
    """The request that the calling task belongs to; None outside of one, or where requests are not measured."""
    request = VARIABLE.get()
    return request if request is not None and request.scope is not None else None
