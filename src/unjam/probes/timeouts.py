"""Timeouts that fire: what window they had, who waited, and whether the answer was already there.

Each kind of timeout has one method that starts it and one that fires it. Starting costs a clock read and a dict entry;
everything else happens when one fires. What the loop did during the window stands in the stalls of the recording.
"""

from __future__ import annotations

import select
import sys
import time
from typing import Any

from unjam.model.lines import encode
from unjam.probes.awaiting import describe_task, frames_of, is_future, is_task, waits_for
from unjam.probes.frame_values import local_values
from unjam.probes.names import module_name
from unjam.probes.patching import ImportWatch, Patches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType

MOST_OPEN = 10_000
"""Timeouts whose start is remembered; beyond it the oldest are forgotten and their window is "not measured"."""

SHORTEST_NS = 1_000_000
"""A timeout shorter than this only looks whether something is there."""

MOST_FRAMES = 30
"""Awaits told of a task that ran into a timeout."""

_BRIDGE = frozenset({"unjam.bridge.pool", "unjam.bridge.supervision"})
"""Modules whose coroutines await a call of a pool under the name `call`."""

_TRANSPORTS = {
    "asyncio.streams": ("self", "_transport"),
    "anyio._backends._asyncio": ("self", "_transport"),
    "aiohttp.client_reqrep": ("protocol", "transport"),
    "aiohttp.streams": ("self", "_protocol", "transport"),
    "asyncpg.connect_utils": ("tr",),
    "asyncpg.connection": ("self", "_transport"),
}
"""By the module of a frame that waits for a reply: the local variable, and the fields from it, that lead to the transport. httpx reads
through anyio, redis through asyncio's streams."""

_CLIENTS = frozenset({"asyncio", "anyio", "aiohttp", "asyncpg", "uvloop"})

FARTHEST_TASK = 10
"""Tasks that wait for tasks followed to find what is really awaited."""


class Kind:
    """Where a kind of timeout lives: its module and class, the method that starts it and the one that fires it.

    `task` and `deadline` are fields of the instance; `deadline` is in seconds of the loop's clock, "" where it keeps none.
    Where one that fired may still have no effect, because the answer won the race, `end` is the method after which the
    field `caught` says whether it had. One that `rearms` is called before its time as well, to set its timer again.
    """

    __slots__ = ("caught", "deadline", "end", "fire", "module", "name", "owner", "rearms", "start", "task")

    def __init__(
        self,
        name: str,
        *,
        module: str,
        owner: str,
        start: str,
        fire: str,
        task: str,
        deadline: str,
        end: str = "",
        caught: str = "",
        rearms: bool = False,
    ) -> None:
        self.name, self.module, self.owner = name, module, owner
        self.start, self.fire, self.end = start, fire, end
        self.task, self.deadline, self.caught, self.rearms = task, deadline, caught, rearms


KINDS = (
    Kind(
        "asyncio.timeout",
        module="asyncio.timeouts",
        owner="Timeout",
        start="reschedule",
        fire="_on_timeout",
        task="_task",
        deadline="_when",
    ),
    Kind(
        "anyio.fail_after",
        module="anyio._backends._asyncio",
        owner="CancelScope",
        start="__enter__",
        fire="_timeout",
        task="_host_task",
        deadline="_deadline",
        end="__exit__",
        caught="_cancelled_caught",
        rearms=True,
    ),
    Kind(
        "aiohttp",
        module="aiohttp.helpers",
        owner="TimerContext",
        start="__enter__",
        fire="timeout",
        task="_tasks",
        deadline="",
    ),
)
"""asyncio.timeout is also what async_timeout, asyncpg and redis use, and wait_for from 3.12; anyio's scope what httpx uses."""


class Timeouts:
    """The timeouts of this process. `number_of(loop)` is the loop's number in the recording, 0 where it has none."""

    def __init__(self, emit: Callable[[bytes], None], *, number_of: Callable[[Any], int]) -> None:
        self._emit = emit
        self._number_of = number_of
        self._patches = Patches()
        self._started: dict[int, int] = {}
        self._fired: dict[int, bytes] = {}
        self._installed = False

    def install(self, imports: ImportWatch) -> None:
        """Watch each kind as soon as its module is imported."""
        self._installed = True
        for kind in KINDS:
            imports.when_imported(kind.module, lambda module, kind=kind: self._patch(module, kind))  # type: ignore[misc]
        if sys.version_info < (3, 12):
            imports.when_imported("asyncio.tasks", self._patch_wait_for)

    def uninstall(self) -> None:
        """Undo what is still ours."""
        self._installed = False
        self._patches.undo()
        self._started.clear()
        self._fired.clear()

    def _patch(self, module: ModuleType, kind: Kind) -> None:
        owner = vars(module).get(kind.owner)
        if self._installed and owner is not None:
            self._patches.replace(owner, kind.start, self._starting)
            self._patches.replace(owner, kind.fire, lambda original: self._firing(original, kind))
            if kind.end:
                self._patches.replace(owner, kind.end, lambda original: self._ending(original, kind.caught))

    def _patch_wait_for(self, module: ModuleType) -> None:
        """Until 3.11 wait_for has a timer of its own, which calls the first function of its module without a result."""
        if self._installed:
            self._patches.replace(module, "_release_waiter", self._releasing)
            self._patches.replace(module, "_cancel_and_wait", self._cancelling)

    def _starting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        started, now = self._started, time.monotonic_ns

        def start(timeout: Any, /, *args: Any) -> Any:
            if len(started) >= MOST_OPEN:
                started.pop(next(iter(started)), None)
            started[id(timeout)] = now()
            return original(timeout, *args)

        return start

    def _firing(self, original: Callable[[Any], None], kind: Kind) -> Callable[[Any], None]:
        def fire(timeout: Any, /) -> None:
            deadline = getattr(timeout, kind.deadline) if kind.deadline else None
            held = getattr(timeout, kind.task)
            task = held[-1] if type(held) is list and held else held
            # What does not set itself again fires whenever it is called: uvloop's timers run up to a millisecond early.
            if is_task(task) and (not kind.rearms or _is_due(task, deadline)):
                started = self._started.pop(id(timeout), None)
                if _is_poll(started, deadline):
                    return original(timeout)
                line = self._line(kind.name, task, started, deadline)
                if kind.end:
                    self._fired[id(timeout)] = line
                else:
                    self._emit(line)
            return original(timeout)

        return fire

    def _ending(self, original: Callable[..., Any], caught: str) -> Callable[..., Any]:
        fired = self._fired

        def end(timeout: Any, /, *error: Any) -> Any:
            try:
                return original(timeout, *error)
            finally:
                if fired:
                    line = fired.pop(id(timeout), None)
                    if line is not None and getattr(timeout, caught) is True:
                        self._emit(line)

        return end

    def _releasing(self, original: Callable[..., None]) -> Callable[..., None]:
        def _release_waiter(waiter: Any, *args: Any) -> None:
            if not args and not waiter.done():
                self._wait_for_fired(waiter)
            original(waiter, *args)

        return _release_waiter

    def _wait_for_fired(self, waiter: Any) -> None:
        for callback, _ in waiter._callbacks or ():
            task = getattr(callback, "__self__", None)
            if is_task(task):
                for frame in frames_of(task):
                    if frame.f_code.co_name == "wait_for" and frame.f_globals.get("__name__") == "asyncio.tasks":
                        self._wait_for_in(frame, task)

    def _wait_for_in(self, frame: FrameType, task: Any) -> None:
        names = local_values(frame)
        deadline = names["timeout_handle"].when()
        seconds = names["timeout"]
        known = type(seconds) is int or type(seconds) is float
        started = round((deadline - seconds) * 1e9) if known else None
        while len(self._fired) >= MOST_OPEN:
            self._fired.pop(next(iter(self._fired)), None)
        awaited = names["fut"]
        self._fired[id(awaited)] = self._line("asyncio.wait_for", task, started, deadline, inner=awaited)

    def _cancelling(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """What wait_for calls once it gives up: until then the answer may still win the race."""

        def _cancel_and_wait(future: Any, /, *args: Any, **options: Any) -> Any:
            line = self._fired.pop(id(future), None)
            if line is not None:
                self._emit(line)
            return original(future, *args, **options)

        return _cancel_and_wait

    def _line(self, kind: str, task: Any, started: int | None, deadline: float | None, inner: Any = None) -> bytes:
        """Tell of one that fired; a failure of ours is one more event that is missing, never one of the program."""
        try:
            return encode(self._event(kind, task, started, deadline, inner))
        except Exception:  # noqa: BLE001 -- the timeout itself must fire, whatever we could not read
            return encode({"e": "lost", "t": time.monotonic_ns(), "events": 1, "why": "a timeout could not be read"})

    def _event(self, kind: str, task: Any, started: int | None, deadline: float | None, inner: Any) -> dict[str, Any]:
        now = time.monotonic_ns()
        waiting = _innermost(inner if is_task(inner) else task)
        frames = frames_of(task) + (frames_of(waiting) if waiting is not task else [])
        future = inner if is_future(inner) and not is_task(inner) else waits_for(waiting)
        return {
            "e": "timeout",
            "t": now,
            "loop": self._number_of(_loop_of(task)),
            "t0": started,
            "deadline": None if deadline is None else round(deadline * 1e9),
            "t1": now,
            "kind": kind,
            "task": describe_task(task),
            "chain": [_place(frame) for frame in frames[-MOST_FRAMES:]],
            "pool_ns": _queued_ns(frames, future),
            "answered": _is_answered(frames, future),
        }


def _is_poll(started: int | None, deadline: float | None) -> bool:
    """Whether it was over as it was set: who asks like that looks whether something is there, and waits for nobody."""
    return started is not None and deadline is not None and deadline * 1e9 - started < SHORTEST_NS


def _is_due(task: Any, deadline: float | None) -> bool:
    """Whether a timer that may be called before its time does more than set itself again, by the rule that anyio has for it."""
    return deadline is None or bool(_loop_of(task).time() >= deadline)


def _loop_of(task: Any) -> Any:
    return task.get_loop()


def _innermost(task: Any) -> Any:
    for _ in range(FARTHEST_TASK):
        future = waits_for(task)
        if not is_task(future):
            break
        task = future
    return task


def _place(frame: FrameType) -> tuple[str, int, str]:
    return frame.f_code.co_filename, frame.f_lineno or 0, frame.f_code.co_qualname


def _queued_ns(frames: list[FrameType], future: Any) -> int | None:
    """How long the awaited call has queued for a worker; None where what is awaited is no call in a pool."""
    if "unjam.probes.pools" not in sys.modules:
        return None  # there has been no pool in this process
    from unjam.probes.bridge_pools import queued_in_bridge
    from unjam.probes.pool_state import Job

    job = _job_behind(future)
    for frame in frames:
        in_bridge = frame.f_globals.get("__name__") in _BRIDGE
        values = local_values(frame) if in_bridge or frame.f_code.co_name == "run_sync_in_worker_thread" else {}
        job = values.get("unjam_job", job)
        if in_bridge and "call" in values:
            return queued_in_bridge(values["call"])
    if type(job) is not Job:
        return None
    return (job.started or time.monotonic_ns()) - job.submitted


def _job_behind(future: Any) -> Any:
    """The job of the concurrent future that an asyncio future follows: wrap_future keeps it in a closure."""
    for callback, _ in getattr(future, "_callbacks", None) or ():
        for cell in getattr(callback, "__closure__", None) or ():
            job = getattr(cell.cell_contents, "__dict__", {}).get("_unjam_job")
            if job is not None:
                return job
    return None


def _is_answered(frames: list[FrameType], future: Any) -> bool | None:
    """Whether the reply was there before the timeout fired; None where what is awaited is not known to be a socket.

    It was if the future is done already, or if the socket of the innermost stream can be read now.
    """
    if is_future(future) and future.done():
        return True
    fd = next(filter(None, map(_stream_fd, reversed(frames))), None)
    if fd is None:
        return None
    readable, _, _ = select.select([fd], [], [], 0)
    return bool(readable)


def _stream_fd(frame: FrameType) -> int | None:
    """The descriptor of the transport that a frame of a known client or stream waits for."""
    path = _TRANSPORTS.get(str(frame.f_globals.get("__name__")))
    if path is None:
        return None
    transport: Any = local_values(frame).get(path[0])
    for attribute in path[1:]:
        # Their own classes keep it in a field; what a program derives from them might compute it.
        transport = getattr(transport, attribute, None) if _package(transport) in _CLIENTS else None
    if _package(transport) not in {"asyncio", "uvloop"} or not hasattr(transport, "get_extra_info"):
        return None
    sock = transport.get_extra_info("socket")
    return None if sock is None or sock.fileno() < 0 else int(sock.fileno())


def _package(value: Any) -> str:
    return module_name(type(value)).partition(".")[0]
