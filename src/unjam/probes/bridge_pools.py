"""Pools of unjam.bridge: three of its functions are wrapped while they are watched, so that it knows no monitor itself."""

from __future__ import annotations

import sys
import time
from typing import Any

from unjam.model.lines import printable
from unjam.probes.pool_state import Depth, Job, Living, PoolState
from unjam.probes.submitters import submitter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from unjam.probes.patching import Patches


class BridgePools:
    """Who queued in the pools of the bridge, and what held their threads.

    A call waited for its pool if it found as many others in it as the pool has threads. What only holds its thread for others
    (an `acontext`, a pinned object) is told as what holds it; the calls made on such a thread queue for nobody else.
    """

    def __init__(self, threshold_ns: int) -> None:
        self._threshold_ns = threshold_ns
        self._states = Living()

    def patch(self, patches: Patches, module: ModuleType) -> None:
        """Watch the bridge of which `module` is `unjam.bridge.pool`."""
        patches.replace(module.Bulkhead, "admit", self._admitting)
        patches.replace(module.Bulkhead, "withdraw", self._withdrawing)
        patches.replace(module.Call, "execute", self._executing)

    def look(self) -> Iterator[tuple[PoolState, Depth]]:
        """Yield every pool with its queue as it is now, and those that have been collected for a last time."""
        for bulkhead, state in self._states.items():
            state.running = _running(bulkhead)
            yield state, _depth(bulkhead)
        for state in self._states.take_ended():
            state.running = {}
            yield state, Depth(queued=0, oldest=0)

    def after_fork_in_child(self) -> None:
        """Forget the parent's threads and calls."""
        self._states = Living()

    def _admitting(self, original: Callable[..., None]) -> Callable[..., None]:
        def admit(bulkhead: Any, call: Any, **options: Any) -> None:
            self._state_of(bulkhead)
            call._unjam_job = Job(_function(call), submitter(sys._getframe(1)))
            call._unjam_crowded = len(bulkhead.live) >= bulkhead.limit
            original(bulkhead, call, **options)

        return admit

    def _withdrawing(self, original: Callable[..., bool]) -> Callable[..., bool]:
        def withdraw(bulkhead: Any, call: Any) -> bool:
            withdrawn = original(bulkhead, call)
            job = call.__dict__.get("_unjam_job")
            if withdrawn and job is not None and call._unjam_crowded:
                queued = time.monotonic_ns() - job.submitted
                if queued >= self._threshold_ns:
                    self._state_of(bulkhead).gave_up(job.function, job.place, queued)
            return withdrawn

        return withdraw

    def _executing(self, original: Callable[..., bool]) -> Callable[..., bool]:
        def execute(call: Any, *where: Any) -> bool:
            ran = original(call, *where)
            job = call.__dict__.pop("_unjam_job", None) if ran else None
            if job is not None:
                self._ended(call, job)
            return ran

        return execute

    def _ended(self, call: Any, job: Job) -> None:
        state, started = self._state_of(call.bulkhead), call.started
        ran = time.monotonic_ns() - started
        queued = started - job.submitted if call._unjam_crowded else 0
        if queued >= state.threshold_ns:
            state.congested_until = max(state.congested_until, started)
        full = len(call.bulkhead.live) >= state.limit
        if started <= state.congested_until or (full and ran >= state.threshold_ns):
            state.note(job.function, job.place, queued, ran)

    def _state_of(self, bulkhead: Any) -> PoolState:
        state = self._states.get(bulkhead)
        if state is None:
            name = printable(bulkhead.name) if type(bulkhead.name) is str else "?"
            state = PoolState(name, "bridge", limit=bulkhead.limit, threshold_ns=self._threshold_ns)
            self._states.add(bulkhead, state)
        return state


def queued_in_bridge(call: Any) -> int | None:
    """Nanoseconds that a call of the bridge has queued for its pool, or did before it began; None where it did not."""
    if not getattr(call, "__dict__", {}).get("_unjam_crowded"):
        return None
    queued: int = (call.started or time.monotonic_ns()) - call.submitted
    return queued


def _function(call: Any) -> object:
    """What the user named, where the function itself only carries it; neither is asked anything."""
    return call.fn if call.target is None else call.target


def _running(bulkhead: Any) -> dict[int, Job]:
    """What holds each thread: the call below those that it serves."""
    running: dict[int, Job] = {}
    for worker in list(bulkhead.workers):
        call = worker.call
        while call is not None and call.outer is not None:
            call = call.outer
        if call is not None and call.started:
            job = call.__dict__.get("_unjam_job") or Job(_function(call), None)
            job.started = call.started
            running[worker.ident] = job
    return running


def _depth(bulkhead: Any) -> Depth:
    now = time.monotonic_ns()
    waiting = [now - call.submitted for call in bulkhead.waiting.copy() if call.counted]
    return Depth(len(waiting), max(waiting, default=0))
