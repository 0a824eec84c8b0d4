"""The pure-Python twin of the C core: the same contract (_core.pyi) by means that every CPython has.

It shares the GIL with what it observes. While native code keeps the GIL, it sees nothing; it then writes the stall after the
fact, from the times that the loop itself noted, and its own wait for the GIL is the evidence.
"""

from __future__ import annotations

import _thread
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from types import FrameType
from typing import Any

from unjam.model.lines import encode
from unjam.model.shared_frames import FullStacks
from unjam.native import _twin_os as system
from unjam.native._twin_alarm import LockAlarm
from unjam.native._twin_hooks import Steps, hook_selector, start_heartbeat
from unjam.native._twin_loop import Numbers, Observer, Observers, Slot, StepObserver
from unjam.native._twin_sampler import Sampler, native_id
from unjam.native._twin_stacks import FrameFields, Place, StackTable, describe, walk
from unjam.native._twin_tally import Tally as Tally  # noqa: PLC0414 -- part of the contract
from unjam.native._twin_tally import tallies
from unjam.native._twin_watchdog import Watchdog
from unjam.native.frames import current_frames

TIER = "python"

SHORTEST_GC_NS = 5_000_000
"""A shorter garbage collection holds nothing up that anybody notices (docs/recording.md)."""


class Output:
    """Where event lines go: the descriptor, and those who drain."""

    def __init__(self) -> None:
        self.fd, self._identity, self._keep = -1, (0, 0), 0
        self.lost = 0
        self._lines: deque[bytes] = deque()
        self._bell = LockAlarm()

    def open(self, fd: int, keep: int) -> None:
        """Take lines from now on."""
        self.fd, self._keep = fd, keep
        self._identity = _identity(fd)

    def emit(self, line: bytes, *, urgent: bool = True) -> None:
        """Write a line and keep it for the drain, which it ends if urgent; what cannot be written or kept is counted as lost."""
        if self.fd >= 0 and not self._write(line):
            self.lost += 1
        self.tell(line, urgent=urgent)

    def tell(self, line: bytes, *, urgent: bool = True) -> None:
        """Keep a line for the drain only."""
        if len(self._lines) < self._keep:
            self._lines.append(line)
            if urgent:
                self.ring()
        elif self._keep:
            self.lost += 1

    def wait(self, timeout_s: float) -> None:
        """Wait for lines."""
        if timeout_s > 0:  # Else the bell is left to whoever waits.
            self._bell.wait(0.0 if self._lines else timeout_s)

    def take(self) -> list[bytes]:
        """The lines that are there."""
        lines = []
        while self._lines:
            lines.append(self._lines.popleft())
        return lines

    def ring(self) -> None:
        """Let the drain return."""
        self._bell.ring()

    def _write(self, line: bytes) -> bool:
        # The program may have closed our descriptor and opened something of its own under the same number.
        try:
            return _identity(self.fd) == self._identity and system.patiently(os.write, self.fd, line) == len(line)
        except OSError:
            return False


def _identity(fd: int) -> tuple[int, int]:
    try:
        status = system.patiently(os.fstat, fd)
    except OSError:
        return (0, 0)
    return status.st_dev, status.st_ino


class Engine:
    """All state of the twin; there is one in a process, and a forked child gets a new one."""

    def __init__(self) -> None:
        self.output = Output()
        self.slots: dict[int, Slot] = {}
        tallies.slots = self.slots
        self.observers = Observers()
        self.observers.tallies = bool(tallies.asked)
        self.steps = Steps(self.observers.waiting)
        self.watchdog: Watchdog | None = None
        self.threshold_ns = 50_000_000
        self.collecting_since = 0
        self._stacks, self._full_stacks = StackTable(), FullStacks()
        self._lost_before = 0
        self.numbers = Numbers()

    def start(self, threshold_ns: int, tick_ns: int) -> None:
        """Start the watchdog."""
        if self.watchdog is None:
            self.threshold_ns = threshold_ns
            # Another recording begins, which knows no stack.
            self._stacks, self._full_stacks = StackTable(), FullStacks()
            self.watchdog = Watchdog(self.slots, Sampler(self._number, tick_ns), (self.emit, self.tell), tick_ns)
            self.watchdog.start()

    def stop(self) -> None:
        """Stop the watchdog and undo the patches, the last one first."""
        watchdog, self.watchdog = self.watchdog, None
        if watchdog is not None:
            watchdog.stop()
            watchdog.finish()
        self.steps.uninstall()
        for slot in reversed(self.slots.values()):
            slot.undo()

    def find(self, loop_id: int) -> Slot | None:
        """The slot of a loop."""
        return next((slot for slot in self.slots.values() if slot.loop_id == loop_id), None)

    def register(self, loop_id: int, ident: int) -> None:
        """Begin to watch the loop of a thread."""
        own = ident in {0, _thread.get_ident()}
        thread = (_thread.get_ident(), _thread.get_native_id()) if own else (ident, native_id(ident))
        self.slots[thread[0]] = Slot(
            loop_id,
            thread,
            threshold=self.threshold_ns,
            observers=self.observers,
            numbers=self.numbers,
            wake=self._wake,
        )

    def attach(self, slot: Slot, loop: Any) -> None:
        """Hook into the loop object of a slot."""
        if hook_selector(loop, slot):
            slot.counts_steps = self.steps.installed
            self.steps.begin(loop, slot)
            if slot.ident == _thread.get_ident():
                slot.began(time.monotonic_ns())
        elif slot.ident == _thread.get_ident() and isinstance(loop, sys.modules["asyncio"].AbstractEventLoop):
            start_heartbeat(loop, slot)

    def unregister(self, slot: Slot) -> None:
        """The loop stops: close its last turn and let the watchdog complete it."""
        if slot.counts_turns:
            slot.ended(time.monotonic_ns())
        slot.undo()
        self.slots.pop(slot.ident, None)
        self.steps.end(slot)
        self.observers.waiting.pop(slot.ident, None)
        if self.watchdog is not None:
            self.watchdog.leave(slot)

    def drain(self, timeout_s: float) -> list[bytes]:
        """Wait for lines and take them."""
        self.output.wait(timeout_s)
        if self.watchdog is not None:
            self.watchdog.look_for_it()
        return self.output.take()

    def emit(self, event: dict[str, Any]) -> None:
        """Write an event and pass it on."""
        self.output.emit(encode(event))

    def tell(self, event: dict[str, Any]) -> None:
        """Pass an event on to who drains: it is not written."""
        self.output.tell(encode(event))

    def _number(self, places: list[Place]) -> int:
        frames = describe(places)
        number, new = self._stacks.number(frames)
        if new:
            if self.output.lost != self._lost_before:
                self._lost_before = self.output.lost
                self._full_stacks.forget()
            fields = self._full_stacks.fields(frames)
            self.emit({"e": "stack", "t": time.monotonic_ns(), "id": number, **fields, "whole": True})
            if "base" not in fields:
                self._full_stacks.written(number, frames)
        return number

    def place(self, frame: FrameType) -> int:
        """The number of the stack of a frame that stands still: the caller's, or one below it."""
        return self._number(walk(frame))

    def _wake(self) -> None:
        if self.watchdog is not None:
            self.watchdog.wake()


_engine = Engine()


def check() -> dict[str, str]:
    """See _core.pyi."""
    foreign = "" if system.LINUX else f"not measured on {sys.platform}"
    tid = _thread.get_native_id()
    return {
        "turns": "",
        "steps": "",
        "stacks": _check_stacks(),
        "gil": foreign
        or (
            "only seen where this thread had to wait for it: a holder is inferred, not read; that a loop which is to wake up waits"
            " for another thread's native code to give it up is not seen"
        ),
        "syscall": foreign or ("" if system.system_call(tid) else "/proc/self/task/*/syscall cannot be read"),
        "schedstat": foreign or ("" if system.run_delay_ns(tid) is not None else "the kernel keeps no schedstat"),
        "cpu-clock": foreign or ("" if system.cpu_ns(tid) is not None else "the CPU clocks of threads cannot be read"),
        "cgroup": foreign or ("" if system.throttled_ns() is not None else "no CPU quota is set"),
    }


def _check_stacks() -> str:
    frames = current_frames()
    if not frames:
        return (
            "another interpreter runs in this process: asking for frames beside it is not safe (CPython 3.12 and newer)"
        )
    own = frames.get(_thread.get_ident())
    # It is the frame of the function that asked.
    shown = own is not None and own.f_code is current_frames.__code__
    return "" if shown else "sys._current_frames does not show the own frame"


def start(*, threshold_ns: int, tick_ns: int, fd: int = -1, keep: int = 0) -> None:
    """See _core.pyi."""
    _engine.output.open(fd, keep)
    _engine.start(threshold_ns, tick_ns)


def stop() -> None:
    """See _core.pyi."""
    _engine.stop()


def pause() -> None:
    """See _core.pyi."""
    if _engine.watchdog is not None:
        _engine.watchdog.pause()


def resume() -> None:
    """Go on after `pause`."""
    if _engine.watchdog is not None:
        _engine.watchdog.resume()


def flush(timeout_s: float) -> int:
    """See _core.pyi."""
    if _engine.watchdog is not None:
        _engine.watchdog.flush(timeout_s)
    return _engine.numbers.last


def set_threshold(threshold_ns: int) -> None:
    """See _core.pyi."""
    _engine.threshold_ns = threshold_ns
    for slot in list(_engine.slots.values()):
        slot.set_threshold(threshold_ns)


def register_loop(loop_id: int, epoll_fd: int, thread_ident: int = 0, instead_of: int = 0) -> bool:
    """See _core.pyi; nothing rests here."""
    del epoll_fd, instead_of
    _engine.register(loop_id, thread_ident)
    return False


def rest_loop(loop_id: int) -> bool:
    """See _core.pyi; what hooks into the loop object must go when it stops."""
    del loop_id
    return False


def attach_loop(loop_id: int, loop: Any) -> None:
    """Give the twin the loop object itself, which the C core has no need of; in the loop's thread if it is the caller's."""
    slot = _engine.find(loop_id)
    if slot is not None:
        _engine.attach(slot, loop)


def unregister_loop(loop_id: int) -> None:
    """See _core.pyi."""
    slot = _engine.find(loop_id)
    if slot is not None:
        _engine.unregister(slot)


def loop_stats(loop_id: int) -> dict[str, Any] | None:
    """See _core.pyi."""
    slot = _engine.find(loop_id)
    if slot is None:
        return None
    turns, steps = slot.counts_turns, slot.counts_steps
    now, since = time.monotonic_ns(), slot.away_since
    return {
        "loop": loop_id,
        "turns": slot.turns if turns else None,
        "steps": slot.steps if steps else None,
        "away_ns": slot.away + (now - since if since else 0) if turns else None,
        "alive_ns": now - slot.alive_from,
        "longest_turn_ns": slot.longest_turn if turns else slot.longest_turn or None,
        "longest_step_ns": (slot.longest_step or None) if steps else None,
        "lag": {bucket: count for bucket, count in enumerate(slot.lag) if count},
        "in_select": turns and not since,
        "away_since_ns": (since or None) if turns else None,
    }


def install_steps(handle_type: type, on_failure: Callable[[Any, BaseException], None]) -> None:
    """See _core.pyi."""
    _engine.steps.install(handle_type, on_failure)


def uninstall_steps() -> None:
    """See _core.pyi."""
    _engine.steps.uninstall()


def set_step_observer(observe: StepObserver | None) -> None:
    """See _core.pyi."""
    _engine.observers.step = observe


def set_victim_observer(observe: Observer | None, most: int = 20) -> None:
    """See _core.pyi."""
    _engine.observers.victim, _engine.observers.most_victims = observe, most


def set_tally(variable: ContextVar[Any] | None, observe: Callable[[int, Any, int, int, bool], None] | None) -> None:
    """See _core.pyi."""
    tallies.ask(variable, observe)
    _engine.observers.tallies = variable is not None


def scheduled_site(handle: Any) -> tuple[str, int, str] | None:
    """See _core.pyi."""
    return _engine.steps.site(handle)


def gc_callback(phase: str, info: dict[str, int]) -> None:
    """See _core.pyi."""
    now = time.monotonic_ns()
    if phase == "start":
        _engine.collecting_since = now
        return
    began, _engine.collecting_since = _engine.collecting_since, 0
    if not began or now - began < SHORTEST_GC_NS:
        return
    slot = _engine.slots.get(_thread.get_ident())
    _engine.emit(
        {
            "e": "gc",
            "t": now,
            "t0": began,
            "t1": now,
            "gen": info.get("generation"),
            "collected": info.get("collected"),
            "uncollectable": info.get("uncollectable"),
            "tid": _thread.get_native_id(),
            "loop": slot.loop_id if slot else None,
            # The collector has just called: the frame below is where it struck.
            "stack": _engine.place(sys._getframe(1)) if slot else None,  # noqa: SLF001
        }
    )


def drain(timeout_s: float) -> list[bytes]:
    """See _core.pyi."""
    return _engine.drain(timeout_s)


def wake() -> None:
    """See _core.pyi."""
    _engine.output.ring()


def emit(line: bytes, *, urgent: bool = True) -> None:
    """See _core.pyi."""
    _engine.output.emit(line, urgent=urgent)


def lost() -> int:
    """See _core.pyi."""
    return _engine.output.lost


def stack_of(thread_ident: int) -> list[FrameFields] | None:
    """See _core.pyi."""
    places = walk(current_frames().get(thread_ident))
    return describe(places) if places else None


def thread_state(thread_ident: int) -> dict[str, Any]:
    """See _core.pyi."""
    call = system.system_call(native_id(thread_ident))
    if call is None or not call.name:
        return {"state": "unknown", "holds_gil": None}
    if system.waits_for_gil(call):
        return {"state": "gil", "holds_gil": False}
    fd, target = system.target(call)
    return {"state": "kernel", "holds_gil": False, "sys": call.name, "fd": fd, "target": target}


def after_fork_in_child() -> None:
    """See _core.pyi."""
    global _engine  # noqa: PLW0603 -- the only way to forget everything at once
    steps = _engine.steps
    slots = _engine.slots
    watchdog = _engine.watchdog
    _engine = Engine()
    steps.uninstall()
    set_tally(None, None)
    system.listen(None)
    for slot in slots.values():
        slot.undo()
    if watchdog is not None:
        watchdog.let_go()
