"""Who was ready during a stall and had to wait for it, noted by the loop's own thread as they run at last."""

from __future__ import annotations

import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from types import BuiltinMethodType
from typing import Any

from unjam.failure import report_failure
from unjam.probes import names, requests
from unjam.probes.arrivals import TICK_NS, arrived_ns

MOST_VICTIMS = 20
"""Victims named for one stall (docs/recording.md); the others are counted."""

SHORTEST_NS = 1_000_000
"""A timer that came later by less was not held up by a stall: it was due when the stall was over, or was set only then."""

MOST_LOOKED_AT = 100
"""Of those that are only counted so many are looked at: some are bookkeeping, and the rest is taken to be like them."""

MOST_STALLS = 64
"""Stalls whose victims are kept until they are written."""

_CONTAINERS = frozenset(map(id, (set, dict, list, deque)))
"""By id: to look for a type itself asks its metaclass for a hash, which may be the program's, or refuse."""

OWN_CALLBACKS = frozenset({"_read_from_self", "_loop_self_reading", "_call_connection_lost"})
"""Methods by which asyncio wakes itself up, or ends a connection that is closed already: nobody waits for them."""


class Victim:
    """One that had to wait; the name of a `request` is read when the event is written: by then it has been routed."""

    __slots__ = ("coroutine", "delay_ns", "finished", "kind", "name", "request")

    def __init__(
        self, kind: str, name: str, coroutine: str, delay_ns: int, *, request: Any = None, finished: Any = None
    ) -> None:
        self.kind, self.name, self.coroutine, self.delay_ns = kind, name, coroutine, delay_ns
        self.request, self.finished = request, finished

    @property
    def is_named(self) -> bool:
        """Whether there is a name for it: a connection on which no request came since the last one was answered was only closed."""
        return self.finished is None or requests.finished_of(self.request) is not self.finished

    def fields(self) -> dict[str, Any]:
        """The entry in the `list` of a `victims` event."""
        name = self.name if self.request is None else requests.name_of(self.request)
        return {"kind": self.kind, "name": name, "coroutine": self.coroutine, "delay_ns": self.delay_ns}


class Waiters:
    """Those that had to wait for one stall: named, or, as those queued behind them, only counted.

    `told` counts the steps of the `turn` that we were told of, the stall's own and the next one as one; `culprit` is the address of the task
    whose long step it was, 0 where it is none; `tasks` has those of the tasks that are named: one that is woken up by a timer that came late
    is late once.
    """

    def __init__(self, stall_id: int) -> None:
        self.stall_id = stall_id
        self.named: list[Victim] = []
        self.told = self.turn = self.queued = self.culprit = 0
        self.tasks: set[int] = set()
        self.exact = True

    def count(self, handle: Any, turn: int) -> None:
        """We were told of a step; behind the last one of a turn that we are told of, others are only counted."""
        if turn > max(1, self.turn):
            self.told = 0
        self.turn = turn
        self.told += 1
        if self.told == MOST_VICTIMS:
            self.queued += _queued(handle, only_reads=turn > 1)


class VictimNotes:
    """Observes for the engine, in the loops' threads, and writes `victims` events."""

    def __init__(self, emit: Callable[[dict[str, Any]], None]) -> None:
        self._emit = emit
        self._stalls: deque[Waiters] = deque(maxlen=MOST_STALLS)

    def blame(self, stall_id: int, task: Any) -> None:
        """A long step was that task's, of this stall (0: of none yet). By its address: what lies there in the next turn was not ready before."""
        if stall_id:
            self._waiters(stall_id).culprit = id(task)

    def observe(  # noqa: PLR0917 -- the engine's contract
        self, loop_id: int, stall_id: int, handle: Any, ready_ns: int, now_ns: int, ended_ns: int, turn: int
    ) -> None:
        """A step is about to run that may have had to wait for a stall, since `ready_ns` at most: see the contract in _core.pyi."""
        del loop_id
        try:
            callback = handle._callback  # a slot of asyncio.Handle, None once it was cancelled
            waiters = self._waiters(stall_id)
            waiters.count(handle, turn)
            if callback is None:
                return
            came_ns, due_ns = _arrived_ns(callback, now_ns), _when_ns(handle)
            if came_ns is not None:
                # What came after the stall has not waited for it; where nothing has come since it began, the other end has hung up.
                if not turn or ready_ns - 2 * TICK_NS <= came_ns < ended_ns - 2 * TICK_NS:
                    self._add(waiters, handle, max(ready_ns, came_ns), now_ns, exact=True)
            elif turn <= 1 or (due_ns is not None and due_ns < ended_ns):
                self._add(waiters, handle, ready_ns, now_ns, exact=False)
        except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
            report_failure("a victim is not named", error)

    def write(self, stall_id: int) -> None:
        """Write the victims of a stall; called when the turn after it has had time to run."""
        waiters = self._known(stall_id)
        if waiters is None:
            return
        self._stalls.remove(waiters)
        worst = sorted((victim for victim in waiters.named if victim.is_named), key=lambda victim: -victim.delay_ns)
        if worst or waiters.queued:
            count = len(worst) + waiters.queued
            head = {"e": "victims", "t": time.monotonic_ns(), "stall": stall_id, "count": count}
            delay = "exact" if waiters.exact else "at most"
            self._emit({**head, "list": [victim.fields() for victim in worst[:MOST_VICTIMS]], "delay": delay})

    def _known(self, stall_id: int) -> Waiters | None:
        # A copy, the last first: other loops add theirs meanwhile, and the drainer takes them out.
        return next((waiters for waiters in reversed(list(self._stalls)) if waiters.stall_id == stall_id), None)

    def _waiters(self, stall_id: int) -> Waiters:
        waiters = self._known(stall_id)
        if waiters is None:
            waiters = Waiters(stall_id)
            self._stalls.append(waiters)
        return waiters

    def _add(self, waiters: Waiters, handle: Any, ready_ns: int, now_ns: int, *, exact: bool) -> None:
        callback = handle._callback
        if _is_asyncios_own(callback) or self._is_its_own(waiters, handle, callback):
            return
        when_ns = _when_ns(handle)
        delay_ns = max(0, now_ns - max(ready_ns, when_ns or 0))
        task = names.task_of(callback) or _task_behind(handle)
        if id(task) in waiters.tasks:
            return
        victim = _victim(callback, task, delay_ns, is_timer=when_ns is not None)
        if victim is not None and (when_ns is None or delay_ns >= SHORTEST_NS):
            waiters.exact &= exact or when_ns is not None
            waiters.named.append(victim)
            if task is not None:
                waiters.tasks.add(id(task))

    def _is_its_own(self, waiters: Waiters, handle: Any, callback: Any) -> bool:
        """Whether it goes on for the culprit, or for who waited for its end: they were not ready before."""
        args = handle._args
        woken_by = args[0] if type(args) is tuple and args else None
        return waiters.culprit in {id(names.task_of(callback)), id(_task_behind(handle)), id(woken_by)}


def _is_asyncios_own(callback: Any) -> bool:
    code = names.callable_code(callback)
    return code is not None and code.co_name in OWN_CALLBACKS and code.co_filename.startswith(_asyncio_folder())


def _arrived_ns(callback: Any, now_ns: int) -> int | None:
    """When the data came that a transport of asyncio is about to read; None where that is not known, or it is about to do something else."""
    connection = getattr(callback.__self__, "_sock", None) if _reads(callback) else None
    return arrived_ns(connection, now_ns) if type(connection) is socket.socket else None


def _reads(callback: Any) -> bool:
    """Whether it is what a transport of asyncio calls to read."""
    code = names.callable_code(callback)
    return code is not None and code.co_name == "_read_ready" and requests.protocol_of(callback) is not None


def _victim(callback: Any, task: Any, delay_ns: int, *, is_timer: bool) -> Victim | None:
    """Who stands behind a callback, the `task` if any; None where it is bookkeeping that means nothing to a reader."""
    if task is not None:
        request = requests.cycle_of(task)
        named = names.task(task) or {"name": "?", "coroutine": "?"}
        kind = "request" if request is not None else "timer" if is_timer else "task"
        return Victim(kind, named["name"], named["coroutine"], delay_ns, request=request)
    protocol = requests.protocol_of(callback)
    if protocol is not None:
        if requests.is_server(protocol):
            return Victim("request", "", "", delay_ns, request=protocol, finished=requests.finished_of(protocol))
        return Victim("callback", f"connection of {names.type_name(type(protocol))}", "", delay_ns)
    if type(callback) is BuiltinMethodType and id(type(callback.__self__)) in _CONTAINERS:
        return None
    code = names.callable_code(callback)
    if code is not None and not is_timer and code.co_filename.startswith(_asyncio_folder()):
        return None
    return Victim("timer" if is_timer else "callback", names.callable_name(callback), "", delay_ns)


def _task_behind(handle: Any) -> Any:
    """The task that asyncio wakes up by setting a future: the end of a sleep, the result of an executor."""
    args = handle._args
    futures: Any = sys.modules["asyncio.futures"]
    future = args[0] if type(args) is tuple and args else None
    is_future = type(future) is futures.Future or type(future) is futures._PyFuture
    callbacks = getattr(future, "_callbacks", None) if is_future else None
    return names.task_of(callbacks[0][0]) if callbacks else None


def _asyncio_folder() -> str:
    return str(sys.modules["asyncio"].__path__[0])


def _when_ns(handle: Any) -> int | None:
    """When a timer was due; asyncio's loops keep that on the clock of `time.monotonic`."""
    when = getattr(handle, "_when", None)
    return round(when * 1e9) if type(when) is float else None


def _queued(handle: Any, *, only_reads: bool) -> int:
    """How many handles are still ready behind this one: all, or those that read what has come on a connection."""
    ready = getattr(handle._loop, "_ready", None)  # asyncio.BaseEventLoop's queue
    if type(ready) is not deque:
        return 0
    looked_at = [getattr(each, "_callback", None) for each in islice(tuple(ready), MOST_LOOKED_AT)]
    waiting = sum(map(_reads if only_reads else _waits, looked_at))
    return round(waiting * len(ready) / max(1, len(looked_at)))


def _waits(callback: Any) -> bool:
    """Whether somebody waits for it, and it is no bookkeeping."""
    if callback is None or _is_asyncios_own(callback):
        return False
    return names.task_of(callback) is not None or _victim(callback, None, 0, is_timer=False) is not None
