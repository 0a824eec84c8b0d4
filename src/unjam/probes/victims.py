"""Who was ready during a stall and had to wait for it, noted by the loop's own thread as they run at last."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from unjam.failure import report_failure
from unjam.probes import names

MOST_VICTIMS = 20
"""Victims named for one stall (docs/recording.md); the others are counted."""

MOST_STALLS = 64
"""Stalls whose victims are kept until they are written."""


class Waiters:
    """Those that had to wait for one stall."""

    def __init__(self, stall_id: int) -> None:
        self.stall_id = stall_id
        self.named: list[dict[str, Any]] = []
        self.queued = 0
        self.exact = True


class VictimNotes:
    """Observes for the engine, in the loops' threads, and writes `victims` events."""

    def __init__(self, emit: Callable[[dict[str, Any]], None]) -> None:
        self._emit = emit
        self._stalls: deque[Waiters] = deque(maxlen=MOST_STALLS)

    def observe(self, loop_id: int, stall_id: int, handle: Any, ready_ns: int, now_ns: int) -> None:
        """A step is about to run that had to wait for a stall, since `ready_ns` at most."""
        del loop_id
        try:
            self._add(self._waiters(stall_id), handle, ready_ns, now_ns)
        except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
            report_failure("a victim is not named", error)

    def write(self, stall_id: int) -> None:
        """Write the victims of a stall; called when the turn after it has had time to run."""
        waiters = next((w for w in list(self._stalls) if w.stall_id == stall_id), None)
        if waiters is None:
            return
        self._stalls.remove(waiters)
        if waiters.named:
            worst = sorted(waiters.named, key=lambda victim: -victim["delay_ns"])
            count = len(worst) + waiters.queued
            head = {"e": "victims", "t": time.monotonic_ns(), "stall": stall_id, "count": count}
            self._emit({**head, "list": worst, "delay": "exact" if waiters.exact else "at most"})

    def _waiters(self, stall_id: int) -> Waiters:
        if not self._stalls or self._stalls[-1].stall_id != stall_id:
            self._stalls.append(Waiters(stall_id))
        return self._stalls[-1]

    def _add(self, waiters: Waiters, handle: Any, ready_ns: int, now_ns: int) -> None:
        callback = handle._callback
        task = names.task(names.task_of(callback))
        when_ns = _when_ns(handle)
        name = names.callable_name(callback) if callback is not None else ""
        if name in OWN_CALLBACKS or len(waiters.named) >= MOST_VICTIMS:
            return
        waiters.exact &= when_ns is not None
        waiters.named.append(
            {
                "kind": "timer" if when_ns is not None else "task" if task else "callback",
                "name": task["name"] if task else name,
                "coroutine": task["coroutine"] if task else "",
                "delay_ns": max(0, now_ns - max(ready_ns, when_ns or 0)),
            }
        )
        waiters.queued = _queued(handle)


OWN_CALLBACKS = frozenset({"BaseSelectorEventLoop._read_from_self"})
"""What the loop does for itself: nobody waits for it."""


def _when_ns(handle: Any) -> int | None:
    """When a timer was due; asyncio's loops keep that on the clock of `time.monotonic`."""
    when = getattr(handle, "_when", None)
    return round(when * 1e9) if type(when) is float else None


def _queued(handle: Any) -> int:
    """How many handles are still ready behind this one."""
    ready = getattr(handle._loop, "_ready", None)
    return len(ready) if type(ready) is deque else 0
