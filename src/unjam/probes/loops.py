"""Which loops run, in which threads: found as they start, or found running, and numbered for as long as they exist."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from _thread import get_ident, get_native_id
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from unjam.native.frames import current_frames
from unjam.probes.loop_kinds import epoll_fd, is_closed, kind_of
from unjam.probes.loop_stats import TOLD, add, merge
from unjam.probes.threads import known_threads, thread_name

LOOKS = 5
"""How often a stack is looked at that ends in mid-air."""

SUSPENDS = 0x20 | 0x80 | 0x200
"""CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR: code that somebody else goes on with."""

STATS_EVERY_NS = 1_000_000_000
"""A killed process loses what came after its last `stats`: at most a second."""


class WatchedLoop:
    """One loop object over its life: it may run many times, and its statistics go on. `ident` and `tid` are of its first thread.

    Where nobody is told of each loop, loops that follow each other in one thread are one: `get` then gives the present one.
    """

    __slots__ = (
        "before",
        "began_ns",
        "get",
        "in_main",
        "kind",
        "number",
        "over_before",
        "placed",
        "rests",
        "thread",
        "tid",
        "told",
        "told_turns",
    )

    def __init__(self, number: int, loop: Any, ident: int, tid: int) -> None:
        self.number = number
        self.kind = kind_of(loop)
        self.before: dict[str, Any] | None = None
        self.told = self.over_before = self.rests = self.placed = False
        self.told_turns: int | None = -1
        self.in_main = False
        self.began_ns, self.thread, self.tid = time.monotonic_ns(), thread_name(ident), tid

        self.get: Callable[[], Any] = _weak(loop)
        """Returns the loop; None where it is gone. The engine changes it where it has a new loop take this record over."""

    @property
    def over(self) -> bool:
        """Whether it can never run again."""
        loop = self.get()
        return loop is None or is_closed(loop)

    def runs_on(self, ident: int) -> bool:
        """Whether the loop's own run has not come to its end, although another one is run, or none is said to be."""
        return self.kind.is_asyncio and getattr(self.get(), "_thread_id", None) == ident

    def finish_run(self, stats: dict[str, Any] | None) -> None:
        """The present run is over: its statistics become part of what was before."""
        self.before = merge(self.before, stats)


class Loops:
    """Tells the engine of loops as they start and stop, and writes `loop`, `stats` and `loop_end` events.

    While `wanted` says no, nobody reads those of all loops: a loop is told of when another event names it (`introduce`).
    """

    def __init__(
        self,
        engine: Any,
        emit: Callable[[dict[str, Any]], None],
        *,
        steps: bool,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._engine, self._emit, self._steps, self._wanted = engine, emit, steps, wanted
        self._attach = getattr(engine, "attach_loop", None)
        self._asks = getattr(engine, "is_resting", None)  # of an engine that follows runs by itself
        self._places: dict[int, WatchedLoop] = {}
        """The loop that runs in a thread, or rests there, by ident."""
        self._known: dict[int, WatchedLoop] = {}
        self._over: dict[bool, dict[str, Any] | None] = {}
        self._lock = threading.Lock()
        self._last_number = 0
        self.ended = 0

    def running(self, loop: Any) -> None:
        """The calling thread runs this loop from now on; None where it runs none any more.

        A loop that is run inside a step of another is not watched: that step holds the outer one up, which is the stall.
        """
        ident = get_ident()
        with self._lock:
            present = self._places.get(ident)
            if present is not None and self._is_resting(present):
                present = None
        if present is not None:
            if present.get() is loop or present.runs_on(ident):
                return
            self.stopped(ident)
        if loop is not None and not self._goes_on(loop, ident):
            self.started(loop, ident, get_native_id())

    def _is_resting(self, watched: WatchedLoop) -> bool:
        """Whether its run is over. The engine gives up a loop whose thread has ended; one that it had no room for runs."""
        if self._asks is None:
            return watched.rests
        rests = self._asks(watched.number)
        return watched.placed if rests is None else bool(rests)

    def _goes_on(self, loop: Any, ident: int) -> bool:
        """Whether it is the loop that rests in this thread, which runs again: a test under pytest-asyncio runs its loop three times."""
        with self._lock:
            resting = self._places.get(ident)
            if resting is None or resting.get() is not loop or not self._is_resting(resting):
                return False
            self._take_place(resting, loop, 0)
            if self._is_resting(resting):
                self._end_rest(ident)  # in a thread that has ended, whose ident this one was given
                return False
        if self._attach is not None:
            self._attach(resting.number, loop)
        return True

    def started(self, loop: Any, ident: int, tid: int) -> WatchedLoop:
        """A loop runs in that thread."""
        watched = self._find(loop, ident, tid)
        watched.in_main = ident == threading.main_thread().ident
        if not watched.told and self._wanted():
            self._write_loop(watched)
        # Under the lock, so that no place is taken from a loop that has just begun to run again.
        with self._lock:
            self._register(watched, loop, ident)
        if self._attach is not None:
            self._attach(watched.number, loop)
        return watched

    def tell_all(self) -> None:
        """Write the `loop` event of each loop that has not been told of."""
        for watched in list(self._known.values()):
            if not watched.told:
                self._write_loop(watched)

    def introduce(self, number: int) -> dict[str, Any] | None:
        """The `loop` event of a loop that has not been told of yet, because something is told of it now; else None."""
        watched = next((each for each in list(self._known.values()) if each.number == number and not each.told), None)
        if watched is None:
            return None
        self._is_told(watched)
        return self._event(watched)

    def _register(self, watched: WatchedLoop, loop: Any, ident: int) -> None:
        """Have the engine watch a loop, in the place of the one that rests in its thread."""
        for other in [other for other, elsewhere in self._places.items() if elsewhere is watched and other != ident]:
            self._end_rest(other)  # it ran in another thread before
        resting = self._places.get(ident)
        self._places[ident] = watched
        from_here = 0 if ident == get_ident() else ident
        if resting is None or resting is watched:
            self._take_place(watched, loop, from_here)
            return
        stats = self._engine.loop_stats(resting.number)
        if not self._take_place(watched, loop, from_here, resting.number):
            self._engine.unregister_loop(resting.number)
        self._has_ended_run(resting, stats)

    def _take_place(self, watched: WatchedLoop, loop: Any, ident: int, instead_of: int = 0) -> bool:
        watched.rests = False
        place = watched.number, epoll_fd(loop), ident, instead_of
        if self._asks is None:
            return bool(self._engine.register_loop(*place))
        kind = 1 if watched.kind.is_asyncio else 2 if watched.kind.is_uvloop else 0
        went_on = bool(self._engine.register_loop(*place, (loop, watched, kind, not watched.told)))
        watched.placed = self._asks(watched.number) is not None
        return went_on

    def _write_loop(self, watched: WatchedLoop) -> None:
        self._is_told(watched)
        self._emit(self._event(watched))

    def _is_told(self, watched: WatchedLoop) -> None:
        watched.told = True
        if self._asks is not None:
            self._engine.keep_record(watched.number)

    def _event(self, watched: WatchedLoop) -> dict[str, Any]:
        return {
            "e": "loop",
            "t": watched.began_ns,
            "loop": watched.number,
            "thread": watched.thread,
            "tid": watched.tid,
            "type": watched.kind.name,
            "steps": self._steps and watched.kind.is_asyncio,
        }

    def present(self) -> list[tuple[int, Any, int, str, str]]:
        """The loops that run now: number, loop, ident and name of the thread, type of the loop."""
        places = [(ident, watched) for ident, watched in list(self._places.items()) if not self._is_resting(watched)]
        running = [(watched, watched.get(), ident) for ident, watched in places]
        return [
            (w.number, loop, ident, thread_name(ident), w.kind.name) for w, loop, ident in running if loop is not None
        ]

    def any_away(self, since_ns: int) -> bool:
        """Whether a loop that runs has been away since then."""
        if not self._places:
            return False
        present = [self._engine.loop_stats(watched.number) for watched in list(self._places.values())]
        return any(stats is not None and (stats["away_since_ns"] or sys.maxsize) <= since_ns for stats in present)

    def totals(self) -> list[tuple[bool, dict[str, Any]]]:
        """Cumulative statistics by loop: whether it runs in the main thread, and `LoopStats`.

        Loops that are over are summed up under the number 0.
        """
        with self._lock:
            found = [
                (main, {**stats, "lag": dict(stats["lag"]), "loop": 0, "away_since_ns": None})
                for main, stats in self._over.items()
                if stats
            ]
            return found + [
                (watched.in_main, stats) for watched in self._known.values() if (stats := self._now(watched))
            ]

    def events(self) -> list[dict[str, Any]]:
        """The `loop` and `stats` events of each loop that is known, as of now; nothing is written."""
        found = []
        for watched in list(self._known.values()):
            found.append(self._event(watched))
            stats = self._now(watched)
            if stats is not None:
                lag = {str(bucket): count for bucket, count in stats["lag"].items()}  # as in JSON
                found.append({**_stats(stats), "lag": lag})
        return found

    def _now(self, watched: WatchedLoop) -> dict[str, Any] | None:
        # What was before is read first: a run that ends meanwhile is left out rather than counted twice.
        before, stats = watched.before, self._engine.loop_stats(watched.number)
        merged = merge(before, stats)
        return merged if merged is None or stats is not None else {**merged, "away_since_ns": None}

    def stopped(self, ident: int) -> None:
        """The loop of that thread runs no more; it may run again soon, so where the engine can it only rests."""
        # Under the lock, so that nobody who looks at the totals meanwhile sees them without this run.
        with self._lock:
            watched = self._places[ident]
            watched.rests = self._engine.rest_loop(watched.number)
            if not watched.rests:
                del self._places[ident]
                self._has_ended_run(watched, self._unregistered(watched))

    def _end_rest(self, ident: int) -> None:
        """The loop that rests in that thread has no place there any more; one that has just begun to run again keeps it."""
        watched = self._places[ident]
        stats = self._unregistered(watched) if self._asks is None else self._engine.end_rest(watched.number)
        if stats is not None or self._is_resting(watched):
            del self._places[ident]
            self._has_ended_run(watched, stats)

    def _unregistered(self, watched: WatchedLoop) -> dict[str, Any] | None:
        stats: dict[str, Any] | None = self._engine.loop_stats(watched.number)
        self._engine.unregister_loop(watched.number)
        return stats

    def _has_ended_run(self, watched: WatchedLoop, stats: dict[str, Any] | None) -> None:
        watched.finish_run(stats)
        loop = watched.get()
        if loop is not None and self._known.get(id(loop)) is not watched:  # it has taken the record over
            key = next(key for key, each in self._known.items() if each is watched)
            self._known[-watched.number if id(loop) in self._known else id(loop)] = self._known.pop(key)

    def write_stats(self) -> None:
        """Write the statistics of loops that have turned since the last time, and the end of those that are over."""
        self._end_rests()
        running = {watched.number for watched in list(self._places.values())}
        for key, watched in list(self._known.items()):
            if watched.number in running or not watched.over:
                self._write_stats(watched)
            elif watched.told or watched.over_before:
                self._write_end(key, watched)
            else:
                watched.over_before = True  # an event that names it may be on its way

    def write_now(self) -> None:
        """Write the statistics of every loop as they are, the unfinished turn included."""
        for watched in list(self._known.values()):
            watched.told_turns = -1
            self._write_stats(watched)

    def write_end(self) -> None:
        """Write the last statistics and the end of every loop: no more is watched."""
        for key, watched in list(self._known.items()):
            self._write_end(key, watched)

    def loop_of(self, number: int) -> Any:
        """The loop of that number; None where it is gone."""
        return next((watched.get() for watched in list(self._known.values()) if watched.number == number), None)

    def number_of(self, loop: Any) -> int:
        """The number of a loop; 0 where it has none."""
        watched = self._present(loop)
        return 0 if watched is None else watched.number

    def stop_all(self) -> None:
        """Stop watching every loop."""
        self._end_rests()
        for ident in list(self._places):
            self.stopped(ident)
        self._end_rests()

    def _end_rests(self) -> None:
        """A loop that has not run since does not keep its place: its thread may have ended."""
        with self._lock:
            for ident, watched in list(self._places.items()):
                if self._is_resting(watched):
                    self._end_rest(ident)

    def _present(self, loop: Any) -> WatchedLoop | None:
        """What is known of a loop; one that has taken over the record of another one is known by its place."""
        watched = self._known.get(id(loop))
        if watched is not None and watched.get() is loop:
            return watched
        return next((each for each in list(self._places.values()) if each.get() is loop), None)

    def _find(self, loop: Any, ident: int, tid: int) -> WatchedLoop:
        with self._lock:
            watched = self._present(loop)
            if watched is not None:
                return watched
            self._last_number += 1
            watched = self._known.get(id(loop))
            if watched is not None:
                # Another loop lived at this address, and its end has not been written yet.
                self._known[-watched.number] = watched
            watched = self._known[id(loop)] = WatchedLoop(self._last_number, loop, ident, tid)
            return watched

    def _write_end(self, key: int, watched: WatchedLoop) -> None:
        stats = self._now(watched)
        if watched.told:
            self._write(stats)
            self._emit({"e": "loop_end", "t": time.monotonic_ns(), "loop": watched.number})
        with self._lock:
            self.ended += 1
            total = self._over.get(watched.in_main)
            if total is None or stats is None:
                self._over[watched.in_main] = total or (stats and {**stats, "lag": dict(stats["lag"])})
            else:
                add(total, stats)
            if self._known.get(key) is watched:
                del self._known[key]
            else:  # another loop lives at its address by now
                self._known.pop(-watched.number, None)

    def _write_stats(self, watched: WatchedLoop) -> None:
        stats = self._now(watched) if watched.told else None
        if stats is not None and (stats["turns"] is None or stats["turns"] != watched.told_turns):
            watched.told_turns = stats["turns"]
            self._write(stats)

    def _write(self, stats: dict[str, Any] | None) -> None:
        if stats is not None:
            self._emit(_stats(stats))


def _stats(stats: dict[str, Any]) -> dict[str, Any]:
    return {"e": "stats", "t": time.monotonic_ns(), **{key: stats[key] for key in (*TOLD, "lag")}}


def _weak(loop: Any) -> Callable[[], Any]:
    try:
        return weakref.ref(loop)
    except TypeError:
        return lambda: None  # a loop of another kind, which counts as a new one each time it runs


def running_loops() -> Iterator[tuple[int, int, Any]]:
    """(ident, thread number, loop) of the loops that run already: this thread's own, and all that show on a stack.

    A loop of uvloop shows on none, so one in another thread is only found when it starts again.
    """
    own, events = get_ident(), sys.modules.get("asyncio.events")
    loop = vars(events)["_get_running_loop"]() if events else None
    if loop is not None:
        yield own, get_native_id(), loop
    tids = {ident: tid for tid, (ident, _) in known_threads().items()}
    for ident, loop in _loops_on_stacks(own).items():
        yield ident, tids.get(ident, 0), loop


def _loops_on_stacks(own: int) -> dict[int, Any]:
    """The loops of other threads by ident. A thread that went on meanwhile, so that its stack ends in mid-air, is looked at again."""
    found: dict[int, Any] = {}
    for _ in range(LOOKS):
        cut = False
        for ident, frame in current_frames().items():
            loop, whole = _loop_on(frame) if ident not in found and ident != own else (None, True)
            if loop is not None:
                found[ident] = loop
            cut = cut or not whole
        if not cut:
            break
    return found


def _loop_on(frame: FrameType | None) -> tuple[Any, bool]:
    """The loop whose `run_forever` is on this stack, the innermost where one runs inside another; and whether the stack was seen to its end.

    A coroutine that suspends while its frame is looked at has no caller any more.
    """
    base_events: Any = sys.modules.get("asyncio.base_events")
    code = getattr(getattr(base_events, "BaseEventLoop", None), "run_forever", None)
    last = frame
    while frame is not None and code is not None:
        if frame.f_code is code.__code__:
            return frame.f_locals.get("self"), True
        last, frame = frame, frame.f_back
    return None, last is None or not last.f_code.co_flags & SUSPENDS
