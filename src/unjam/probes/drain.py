"""The thread that takes events from the engine: it names what only the GIL can name, and passes events on."""

from __future__ import annotations

import _thread
import json
import sys
import time
from collections.abc import Callable
from typing import Any, TypeAlias

from unjam.failure import report_failure
from unjam.model.shared_frames import WholeStacks
from unjam.native.originals import allocate_lock
from unjam.native.quiet_thread import QuietThread
from unjam.probes.loops import STATS_EVERY_NS, Loops
from unjam.probes.steps import StepNotes
from unjam.probes.threads import ThreadNames
from unjam.probes.victims import VictimNotes

VICTIMS_AFTER_NS = 50_000_000
"""How long after a stall its victims are written: the turn after it has had time to run."""

OF_LOOPS = frozenset({"loop", "stats", "loop_end"})
"""Kinds of events that tell of a loop itself: any other one that names a loop has it introduced."""

Subscriber: TypeAlias = Callable[[dict[str, Any]], None]
"""Called with each event in the drainer's thread; what it raises is reported and contained."""


class Listeners:
    """Who is told of each event, who is called every second to write what has gathered, and who is told the number of a stall.

    The last is told once everything about the stall has been passed on: its last line, its steps, its victims.
    """

    __slots__ = ("each_second", "settled", "subscribers")

    def __init__(
        self,
        subscribers: list[Subscriber],
        each_second: tuple[Callable[[], None], ...],
        settled: Callable[[int], None],
    ) -> None:
        self.subscribers, self.each_second, self.settled = subscribers, each_second, settled


class Drainer:
    """Sits in the engine's `drain`; also writes statistics every second."""

    def __init__(
        self,
        engine: Any,
        emit: Callable[[dict[str, Any]], None],
        loops: Loops,
        notes: tuple[StepNotes, VictimNotes],
        listeners: Listeners,
    ) -> None:
        self._engine, self._emit = engine, emit
        self._loops = loops
        self._steps, self._victims = notes
        self._threads, self._whole_stacks = ThreadNames(emit), WholeStacks()
        self._subscribers, self._settled = listeners.subscribers, listeners.settled
        self._each_second = listeners.each_second
        self._victims_due: list[tuple[int, int]] = []
        self._written: list[int] = []
        self._next_stats_ns = 0
        self._told_lost = self._own_lost = 0
        self._stopping = False
        self._flushing: list[_thread.LockType] = []
        self._ident = 0
        self._thread = QuietThread(self._run)

    def start(self) -> None:
        """Start the thread."""
        self._stopping = False
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """End the thread, then take what is left; gives up waiting after `timeout_s`, at once in that thread itself."""
        self._stopping = True
        self._engine.wake()
        if not self._is_here():
            self._thread.join(timeout_s)

    def hold(self, timeout_s: float) -> bool:
        """As `QuietThread.hold`."""
        return self._thread.hold(timeout_s)

    def let_go(self) -> None:
        """As `QuietThread.let_go`."""
        self._thread.let_go()

    def abandon(self) -> None:
        """In a fork's child: no such thread is here, unless it is the one that forked, which then ends."""
        self._stopping = True

    def flush(self, timeout_s: float, *, stalls_before: int = -1) -> int:
        """Wait until every event emitted before has been passed on, `timeout_s` at the most; returns how many stalls there were.

        Where there have been no more stalls than `stalls_before` it does not wait, nor in the thread that passes them on.
        """
        stalls: int = self._engine.flush(timeout_s)
        if stalls != stalls_before and not self._is_here():
            passed = allocate_lock()
            passed.acquire()
            self._flushing.append(passed)
            self._engine.wake()
            passed.acquire(timeout=timeout_s)
        return stalls

    def tell_all(self, timeout_s: float) -> None:
        """Wait until all has been told of each stall that is over, `timeout_s` at the most.

        A flush has its last events passed on, upon which it is settled; a second one is answered after that.
        """
        deadline = time.monotonic() + timeout_s
        self.flush(timeout_s)
        self.flush(max(0.0, deadline - time.monotonic()))

    def finish(self) -> None:
        """Write what was kept for later: the process ends, or watching does.

        Where our thread is still at work although it was told to stop, because a subscriber blocks or the machine is busy, only the
        recording is completed.
        """
        alone = not self._is_here() and self._thread.hold(0.0)
        if alone:
            self._handle(self._engine.drain(0.0))
            self._write_victims(now=sys.maxsize)
            for write in self._each_second:
                write()
        self._loops.write_end()
        self._write_lost()
        if alone:
            self._handle(self._engine.drain(0.0))
            self._thread.let_go()

    def _is_here(self) -> bool:
        """Whether the caller is our own thread: a handler of the program's logging may end the watching, and runs there."""
        return self._ident == _thread.get_ident()

    def _run(self) -> None:
        self._ident = _thread.get_ident()
        try:
            while not self._stopping:
                # What was written of them is among the lines that are taken now.
                written, self._written = self._written, []
                wait_s = 0.0 if written else self._wait_s()
                with self._thread.at_rest:
                    lines = self._engine.drain(wait_s)
                self._handle(lines)
                self._settle(written)
                self._answer_flushes()
                self._write_periodic()
        except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
            report_failure("events are recorded, but not named any more", error)
        finally:
            self._ident = 0  # another thread may be given it

    def _answer_flushes(self) -> None:
        # Taken out of the one list there is: a list that is put in its place misses who has the old one in hand.
        flushing = [self._flushing.pop() for _ in range(len(self._flushing))]
        if flushing:
            # Lines may have come while others were handled: a stall among them has victims as well.
            self._handle(self._engine.drain(0.0))
            self._write_victims(now=sys.maxsize)
            self._handle(self._engine.drain(0.0))
        for passed in flushing:
            passed.release()

    def _wait_s(self) -> float:
        due = min([self._next_stats_ns, *(due for due, _ in self._victims_due)])
        return max(0.001, (due - time.monotonic_ns()) / 1e9)

    def _write_periodic(self) -> None:
        now = time.monotonic_ns()
        self._write_victims(now)
        if now >= self._next_stats_ns:
            self._next_stats_ns = now + STATS_EVERY_NS
            self._loops.write_stats()
            for write in self._each_second:
                write()
            self._write_lost()

    def _handle(self, lines: list[bytes]) -> None:
        for line in lines:
            event = json.loads(line)
            if event["e"] == "stall":
                self._name(event)
            elif event["e"] == "stack":
                event = self._whole_stacks.restore(event)
                if event is None:
                    continue
            loop = self._loops.introduce(event["loop"]) if event.get("loop") and event["e"] not in OF_LOOPS else None
            for subscriber in tuple(self._subscribers):
                if loop is not None:
                    self._tell(subscriber, loop)
                self._tell(subscriber, event)

    def _name(self, stall: dict[str, Any]) -> None:
        self._threads.write()
        if stall["t1"] is None:
            self._steps.write_current(stall, _current_task(self._loops.loop_of(stall["loop"])))
        else:
            self._steps.write(stall)
            self._victims_due.append((time.monotonic_ns() + VICTIMS_AFTER_NS, stall["id"]))

    def _write_victims(self, now: int) -> None:
        due = [stall_id for at, stall_id in self._victims_due if at <= now]
        self._victims_due = [(at, stall_id) for at, stall_id in self._victims_due if at > now]
        for stall_id in due:
            self._victims.write(stall_id)
            self._written.append(stall_id)

    def _settle(self, written: list[int]) -> None:
        for stall_id in written:
            try:
                self._settled(stall_id)
            except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
                report_failure("a stall is not told of", error)

    def _write_lost(self) -> None:
        event = self.lost()
        if event is not None:
            before = self._engine.lost()
            self._emit(event)
            lost_itself = self._engine.lost() - before
            self._own_lost += lost_itself
            self._told_lost += 0 if lost_itself else event["events"]

    def lost(self) -> dict[str, Any] | None:
        """The event that says how many others were lost since the last one that was written; None where none were."""
        lost = self._engine.lost() - self._own_lost - self._told_lost
        why = "the disk is full, the file is closed, or events came faster than they could be kept"
        return {"e": "lost", "t": time.monotonic_ns(), "events": lost, "why": why} if lost > 0 else None

    def _tell(self, subscriber: Subscriber, event: dict[str, Any]) -> None:
        try:
            subscriber(event)
        except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
            report_failure("a subscriber failed", error)


def _current_task(loop: Any) -> Any:
    tasks: Any = sys.modules.get("asyncio.tasks")
    return tasks.current_task(loop) if tasks is not None and loop is not None else None
