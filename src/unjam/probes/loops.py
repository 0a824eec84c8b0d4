"""Which loops run, in which threads: found as they start, or found running, and numbered for as long as they exist."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from _thread import get_ident, get_native_id
from collections.abc import Callable, Iterator
from types import FrameType, ModuleType
from typing import Any

from unjam.failure import report_failure
from unjam.native.frames import current_frames
from unjam.probes.names import module_name, type_name
from unjam.probes.patching import Patches
from unjam.probes.threads import known_threads, thread_name

SUMS = ("turns", "steps", "away_ns", "alive_ns")
LONGEST = ("longest_turn_ns", "longest_step_ns")

MOST_TYPES = 16
"""Types of loops whose names are kept; a program that makes types of loops gets its names anew."""

STATS_EVERY_NS = 1_000_000_000
"""A killed process loses what came after its last `stats`: at most a second."""


class WatchedLoop:
    """One loop object over its life: it may run many times, and its statistics go on."""

    def __init__(self, number: int, loop: Any) -> None:
        self.number = number
        self.type = _type_of(type(loop))
        self._reference = _weak(loop)
        self.before: dict[str, Any] | None = None
        self.told_turns: int | None = -1
        self.in_main = False
        self.epoll_fd = _epoll_fd(loop)

    def get(self) -> Any:
        """The loop; None where it is gone."""
        return self._reference()

    @property
    def over(self) -> bool:
        """Whether it can never run again."""
        loop = self.get()
        return loop is None or _is_closed(loop)

    def finish_run(self, stats: dict[str, Any] | None) -> None:
        """The present run is over: its statistics become part of what was before."""
        self.before = merge(self.before, stats)


def merge(before: dict[str, Any] | None, stats: dict[str, Any] | None) -> dict[str, Any] | None:
    """The statistics of one loop over several runs."""
    if before is None or stats is None:
        return stats or before
    merged = dict(stats)
    merged |= {key: _sum(before[key], stats[key]) for key in SUMS}
    merged |= {key: max(filter(None, (before[key], stats[key])), default=None) for key in LONGEST}
    lag = before["lag"]
    merged["lag"] = lag | {bucket: count + lag.get(bucket, 0) for bucket, count in stats["lag"].items()}
    return merged


class Loops:
    """Tells the engine of loops as they start and stop, and writes `loop`, `stats` and `loop_end` events."""

    def __init__(self, engine: Any, emit: Callable[[dict[str, Any]], None], *, steps: bool) -> None:
        self._engine, self._emit, self._steps = engine, emit, steps
        self._attach = getattr(engine, "attach_loop", None)
        self._running: dict[int, WatchedLoop] = {}
        self._resting: dict[int, WatchedLoop] = {}
        self._known: dict[int, WatchedLoop] = {}
        self._over: dict[bool, dict[str, Any] | None] = {}
        self._lock = threading.Lock()
        self._last_number = 0

    def running(self, loop: Any) -> None:
        """The calling thread runs this loop from now on; None where it runs none any more.

        A loop that is run inside a step of another is not watched: that step holds the outer one up, which is the stall.
        """
        ident = get_ident()
        present = self._running.get(ident)
        if present is not None and (present.get() is loop or _runs_on(present.get(), ident)):
            return
        if present is not None:
            self.stopped(ident)
        if loop is not None:
            self.started(loop, ident, get_native_id())

    def started(self, loop: Any, ident: int, tid: int) -> WatchedLoop:
        """A loop runs in that thread."""
        watched, new = self._find(loop)
        watched.in_main = ident == threading.main_thread().ident
        if new:
            self._write_loop(watched, loop, ident, tid)
        self._running[ident] = watched
        # Under the lock, so that no place is taken from a loop that has just begun to run again.
        with self._lock:
            self._register(watched, ident)
        if self._attach is not None:
            self._attach(watched.number, loop)
        return watched

    def _register(self, watched: WatchedLoop, ident: int) -> None:
        """Have the engine watch a loop, in the place of the one that rests in its thread."""
        resting = self._resting.pop(ident, None)
        for other in [other for other, elsewhere in self._resting.items() if elsewhere is watched]:
            self._finish(self._resting.pop(other))  # it ran in another thread before
        place = watched.number, watched.epoll_fd, 0 if ident == get_ident() else ident
        if resting is None or resting is watched:
            self._engine.register_loop(*place)
            return
        stats = self._engine.loop_stats(resting.number)
        if not self._engine.register_loop(*place, resting.number):
            self._engine.unregister_loop(resting.number)
        resting.finish_run(stats)

    def _write_loop(self, watched: WatchedLoop, loop: Any, ident: int, tid: int) -> None:
        self._emit(
            {
                "e": "loop",
                "t": time.monotonic_ns(),
                "loop": watched.number,
                "thread": thread_name(ident),
                "tid": tid,
                "type": watched.type,
                "steps": self._steps and _is_asyncio(loop),
            }
        )

    def present(self) -> list[tuple[int, Any, int, str, str]]:
        """The loops that run now: number, loop, ident and name of the thread, type of the loop."""
        running = [(watched, watched.get(), ident) for ident, watched in list(self._running.items())]
        return [(w.number, loop, ident, thread_name(ident), w.type) for w, loop, ident in running if loop is not None]

    def totals(self) -> list[tuple[bool, dict[str, Any]]]:
        """Cumulative statistics by loop: whether it runs in the main thread, and `LoopStats`.

        Loops that are over are summed up under the number 0.
        """
        with self._lock:
            found = [(main, {**stats, "loop": 0, "away_since_ns": None}) for main, stats in self._over.items() if stats]
            return found + [
                (watched.in_main, stats) for watched in self._known.values() if (stats := self._now(watched))
            ]

    def _now(self, watched: WatchedLoop) -> dict[str, Any] | None:
        # What was before is read first: a run that ends meanwhile is left out rather than counted twice.
        before, stats = watched.before, self._engine.loop_stats(watched.number)
        merged = merge(before, stats)
        return merged if merged is None or stats is not None else {**merged, "away_since_ns": None}

    def stopped(self, ident: int) -> None:
        """The loop of that thread runs no more; it may run again soon, so where the engine can it only rests."""
        watched = self._running.pop(ident)
        # Under the lock, so that nobody who looks at the totals meanwhile sees them without this run.
        with self._lock:
            if self._engine.rest_loop(watched.number):
                self._resting[ident] = watched
            else:
                self._finish(watched)

    def _finish(self, watched: WatchedLoop) -> None:
        stats = self._engine.loop_stats(watched.number)
        self._engine.unregister_loop(watched.number)
        watched.finish_run(stats)

    def write_stats(self) -> None:
        """Write the statistics of loops that have turned since the last time, and the end of those that are over."""
        self._end_rests()
        running = {watched.number for watched in list(self._running.values())}
        for key, watched in list(self._known.items()):
            if watched.number not in running and watched.over:
                self._write_end(key, watched)
            else:
                self._write_stats(watched)

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
        watched = self._known.get(id(loop))
        return watched.number if watched is not None and watched.get() is loop else 0

    def stop_all(self) -> None:
        """Stop watching every loop."""
        for ident in list(self._running):
            self.stopped(ident)
        self._end_rests()

    def _end_rests(self) -> None:
        """A loop that has not run since does not keep its place: its thread may have ended."""
        with self._lock:
            while self._resting:
                self._finish(self._resting.popitem()[1])

    def _find(self, loop: Any) -> tuple[WatchedLoop, bool]:
        with self._lock:
            watched = self._known.get(id(loop))
            if watched is not None and watched.get() is loop:
                return watched, False
            self._last_number += 1
            if watched is not None:
                # Another loop lived at this address, and its end has not been written yet.
                self._known[-watched.number] = watched
            watched = self._known[id(loop)] = WatchedLoop(self._last_number, loop)
            return watched, True

    def _write_end(self, key: int, watched: WatchedLoop) -> None:
        watched.told_turns = -1
        self._write_stats(watched)
        self._emit({"e": "loop_end", "t": time.monotonic_ns(), "loop": watched.number})
        with self._lock:
            self._over[watched.in_main] = merge(self._over.get(watched.in_main), self._now(watched))
            if self._known.get(key) is watched:
                del self._known[key]
            else:  # another loop lives at its address by now
                self._known.pop(-watched.number, None)

    def _write_stats(self, watched: WatchedLoop) -> None:
        stats = self._now(watched)
        if stats is None or watched.told_turns == stats["turns"] is not None:
            return
        watched.told_turns = stats["turns"]
        told = {key: stats[key] for key in ("loop", *SUMS, *LONGEST, "lag")}
        self._emit({"e": "stats", "t": time.monotonic_ns(), **told})


class LoopHooks:
    """Makes asyncio and uvloop tell when a loop starts and stops."""

    def __init__(self, running: Callable[[Any], None]) -> None:
        self._running = running
        self._patches = Patches()
        self._active = True

    def hook_asyncio(self, events: ModuleType) -> None:
        """`asyncio.events` has been imported: every loop that runs says so through a function of it."""
        self._patches.replace(events, "_set_running_loop", self._telling)
        package = sys.modules.get("asyncio")
        if package is not None and "_set_running_loop" in vars(package):
            ours = vars(events)["_set_running_loop"]
            self._patches.replace(package, "_set_running_loop", lambda _: ours)

    def hook_uvloop(self, uvloop: ModuleType) -> None:
        """`uvloop` has been imported: it keeps the function of asyncio that it found when it was, which need not be ours."""
        self._patches.override(uvloop.Loop, "run_forever", self._bracketing)

    def undo(self) -> None:
        """Put everything back that is still ours; what others have kept only passes on from now."""
        self._active = False
        self._patches.undo()

    def tell(self, loop: Any) -> None:
        """The calling thread runs this loop from now on, or none."""
        if self._active:
            try:
                self._running(loop)
            except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
                report_failure("a loop is not watched", error)

    def _telling(self, original: Callable[[Any], None]) -> Callable[[Any], None]:
        def _set_running_loop(loop: Any) -> None:
            original(loop)
            self.tell(loop)

        return _set_running_loop

    def _bracketing(self, original: Callable[[Any], None]) -> Callable[[Any], None]:
        def run_forever(loop: Any) -> None:
            self.tell(loop)
            try:
                original(loop)
            finally:
                self.tell(None)

        return run_forever


_named: dict[int, tuple[type, str]] = {}
"""Types of loops and their names by identity: a class may have a hash of its own. Programs have one or two."""


def _type_of(cls: type) -> str:
    known = _named.get(id(cls))
    if known is None:
        if len(_named) >= MOST_TYPES:
            _named.clear()
        known = _named[id(cls)] = cls, f"{module_name(cls)}.{type_name(cls)}"
    return known[1]


def _weak(loop: Any) -> Callable[[], Any]:
    try:
        return weakref.ref(loop)
    except TypeError:
        return lambda: None  # a loop of another kind, which counts as a new one each time it runs


def _sum(before: int | None, now: int | None) -> int | None:
    return None if before is None or now is None else before + now


def _is_asyncio(loop: Any) -> bool:
    base_events: Any = sys.modules.get("asyncio.base_events")
    return base_events is not None and isinstance(loop, base_events.BaseEventLoop)


def _is_uvloop(loop: Any) -> bool:
    return any(module_name(cls) == "uvloop.loop" for cls in type(loop).__mro__)


def _is_closed(loop: Any) -> bool:
    if _is_asyncio(loop):
        return getattr(loop, "_closed", None) is True
    return _is_uvloop(loop) and loop.is_closed()


def _runs_on(loop: Any, ident: int) -> bool:
    """Whether the loop's own run has not come to its end, although another one is run, or none is said to be."""
    return loop is not None and _is_asyncio(loop) and getattr(loop, "_thread_id", None) == ident


def _epoll_fd(loop: Any) -> int:
    """The descriptor that the loop waits on; -1 where it is not known."""
    if _is_uvloop(loop):
        fd = loop._get_backend_id()
    else:
        # Never vars(loop): it makes CPython keep a real dict for the loop, which slows its every attribute down for good.
        selector: Any = getattr(loop, "_selector", None) if _is_asyncio(loop) else None
        selectors: Any = sys.modules.get("selectors")
        epoll = getattr(selectors, "EpollSelector", None)
        fd = selector.fileno() if epoll is not None and type(selector) is epoll else -1
    return fd if type(fd) is int else -1


def running_loops() -> Iterator[tuple[int, int, Any]]:
    """(ident, thread number, loop) of the loops that run already: this thread's own, and all that show on a stack.

    A loop of uvloop shows on none, so one in another thread is only found when it starts again.
    """
    own, events = get_ident(), sys.modules.get("asyncio.events")
    loop = vars(events)["_get_running_loop"]() if events else None
    if loop is not None:
        yield own, get_native_id(), loop
    tids = {ident: tid for tid, (ident, _) in known_threads().items()}
    for ident, frame in current_frames().items():
        loop = _loop_on(frame) if ident != own else None
        if loop is not None:
            yield ident, tids.get(ident, 0), loop


def _loop_on(frame: FrameType | None) -> Any:
    """The loop whose `run_forever` is on this stack; the innermost, where one runs inside another."""
    base_events: Any = sys.modules.get("asyncio.base_events")
    code = getattr(getattr(base_events, "BaseEventLoop", None), "run_forever", None)
    while frame is not None and code is not None:
        if frame.f_code is code.__code__:
            return frame.f_locals.get("self")
        frame = frame.f_back
    return None
