"""Functions of the standard library and of anyio in which threads and tasks wait, and what each of them waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from unjam.probes.awaiting import is_future, is_task

if TYPE_CHECKING:
    from types import FrameType

Target: TypeAlias = tuple[str, Any]
"""Kind of wait and the object waited for."""
Reader: TypeAlias = Callable[[dict[str, Any]], Target | None]
"""From the locals of the waiting function to what it waits for."""


def module_of(frame: FrameType) -> str:
    """Return the name of the module a frame runs in."""
    name = dict.get(frame.f_globals, "__name__")
    return name if type(name) is str else ""


def _local(kind: str, name: str = "self") -> Reader:
    return lambda values: (kind, values[name]) if values.get(name) is not None else None


def _future(name: str) -> Reader:
    """A future or task; since CPython 3.12 `wait_for` awaits a coroutine itself, and what that waits for is said by the frame inside."""
    return lambda values: ("future", future) if is_future(future := values.get(name)) or is_task(future) else None


@dataclass(frozen=True, slots=True)
class Fixed:
    """A reader that needs no locals: the function itself says what for."""

    kind: str

    def __call__(self, _values: dict[str, Any]) -> Target:
        """Return the kind of wait; no object is waited for."""
        return self.kind, None


THREAD_WAITS: Final[dict[tuple[str, str], Reader | None]] = {
    ("threading", "Condition.wait"): _local("condition"),
    ("threading", "Condition.wait_for"): None,
    ("threading", "Event.wait"): _local("event"),
    ("threading", "Semaphore.acquire"): _local("semaphore"),
    ("threading", "Barrier.wait"): _local("barrier"),
    ("threading", "Barrier._wait"): None,
    ("threading", "Barrier._enter"): None,
    ("threading", "Thread.join"): _local("thread"),
    ("threading", "Thread._wait_for_tstate_lock"): None,
    ("threading", "_shutdown"): Fixed("shutdown"),
    ("queue", "Queue.get"): _local("queue.get"),
    ("queue", "Queue.put"): _local("queue.put"),
    ("queue", "Queue.join"): _local("queue.join"),
    ("concurrent.futures._base", "Future.result"): _local("cfuture"),
    ("concurrent.futures._base", "Future.exception"): _local("cfuture"),
    ("concurrent.futures._base", "_result_or_cancel"): None,
    ("concurrent.futures._base", "Executor.map.<locals>.result_iterator"): None,
    ("concurrent.futures._base", "wait"): _local("futures", "fs"),
    ("concurrent.futures._base", "as_completed"): _local("futures", "pending"),
    ("concurrent.futures._base", "Executor.__exit__"): None,
    ("concurrent.futures.thread", "ThreadPoolExecutor.shutdown"): None,
    ("concurrent.futures.thread", "_python_exit"): None,
    ("concurrent.futures.thread", "_worker"): Fixed("idle"),
    ("multiprocessing.process", "BaseProcess.join"): Fixed("process"),
    ("multiprocessing.popen_fork", "Popen.wait"): None,
    ("multiprocessing.popen_fork", "Popen.poll"): None,
    ("subprocess", "Popen._wait"): Fixed("process"),
    ("subprocess", "Popen.wait"): Fixed("process"),
    ("selectors", "EpollSelector.select"): Fixed("select"),
    ("selectors", "PollSelector.select"): Fixed("select"),
    ("selectors", "_PollLikeSelector.select"): Fixed("select"),
    ("selectors", "SelectSelector.select"): Fixed("select"),
    ("selectors", "KqueueSelector.select"): Fixed("select"),
}
"""By module and qualified name; None: passed through, the frame inside it says what for (CPython 3.11 to 3.15, Lib)."""

TASK_WAITS: Final[dict[tuple[str, str], Reader | None]] = {
    ("asyncio.locks", "Lock.acquire"): _local("alock"),
    ("asyncio.locks", "_ContextManagerMixin.__aenter__"): None,
    ("asyncio.locks", "Event.wait"): _local("aevent"),
    ("asyncio.locks", "Condition.wait"): _local("acondition"),
    ("asyncio.locks", "Condition.wait_for"): None,
    ("asyncio.locks", "Semaphore.acquire"): _local("asemaphore"),
    ("asyncio.locks", "Barrier.wait"): _local("barrier"),
    ("asyncio.locks", "Barrier._block"): None,
    ("asyncio.locks", "Barrier._wait"): None,
    ("asyncio.locks", "Barrier.__aenter__"): None,
    ("asyncio.queues", "Queue.get"): _local("aqueue.get"),
    ("asyncio.queues", "Queue.put"): _local("aqueue.put"),
    ("asyncio.queues", "Queue.join"): _local("aqueue.join"),
    ("asyncio.base_subprocess", "BaseSubprocessTransport._wait"): Fixed("process"),
    ("asyncio.subprocess", "Process.wait"): Fixed("process"),
    ("asyncio.tasks", "sleep"): Fixed("timer"),
    ("asyncio.tasks", "_wait"): _local("futures", "fs"),
    ("asyncio.tasks", "wait"): None,
    ("asyncio.tasks", "wait_for"): _future("fut"),
    ("asyncio.tasks", "_cancel_and_wait"): _local("future", "fut"),
    ("asyncio.taskgroups", "TaskGroup.__aexit__"): _local("taskgroup"),
    ("asyncio.taskgroups", "TaskGroup._aexit"): None,
    ("anyio._backends._asyncio", "TaskGroup.__aexit__"): _local("taskgroup"),
    ("anyio._backends._asyncio", "CapacityLimiter.acquire"): None,
    ("anyio._backends._asyncio", "CapacityLimiter.acquire_on_behalf_of"): _local("limiter"),
    ("anyio._backends._asyncio", "CapacityLimiter.__aenter__"): None,
    ("anyio._backends._asyncio", "Lock.acquire"): _local("anyiolock"),
    ("anyio._backends._asyncio", "Lock.__aenter__"): None,
    ("anyio._core._synchronization", "Lock.__aenter__"): None,
    ("anyio._backends._asyncio", "Event.wait"): None,
}
"""The same for the await chain of a task, innermost first."""

IO_MODULES: Final = frozenset(
    f"asyncio.{name}"
    for name in (
        "base_events",
        "base_subprocess",
        "selector_events",
        "sslproto",
        "streams",
        "subprocess",
        "transports",
        "unix_events",
    )
)
"""Where a task that waits in one of their coroutines waits for the outside world."""
