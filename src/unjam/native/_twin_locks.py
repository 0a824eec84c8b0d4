"""The pure-Python twin of the tracked locks of the C core (locks.h): where that cannot be loaded.

They are taken and released by Python code: an exception that a signal handler raises in just that code can leave one taken.
"""

from __future__ import annotations

import _thread
import sys
import time
import weakref
from typing import Any

_get_ident = _thread.get_ident


class Records:
    """What `set_lock_records` of _core.pyi was given."""

    active: dict[int, Any] = {}  # noqa: RUF012 -- replaced as a whole
    through: frozenset[str] = frozenset()
    running_loop: Any = None
    task_of: Any = None


def set_lock_records(
    active: dict[int, Any], through: frozenset[str], running_loop: Any = None, task_of: Any = None
) -> None:
    """See _core.pyi."""
    Records.active, Records.through = active, through | {__name__}
    Records.running_loop, Records.task_of = (None, None) if task_of is None else (running_loop, task_of)


def holder_here() -> tuple[Any, ...]:
    """See _core.pyi."""
    since, ident = time.monotonic_ns(), _get_ident()
    thread, task = Records.active.get(ident), _present_task()
    frame = sys._getframe(1)  # noqa: SLF001 -- documented (sys module)
    while frame.f_back is not None and frame.f_globals.get("__name__") in Records.through:
        frame = frame.f_back
    return since, ident, _weakly(thread), _weakly(task), frame.f_code, frame.f_lineno


def _weakly(value: Any) -> Any:
    return None if value is None else weakref.ref(value)


def _present_task() -> Any:
    loop = Records.running_loop() if Records.running_loop is not None else None
    if loop is None:
        return None
    return Records.task_of.get(loop) if type(Records.task_of) is dict else Records.task_of(loop)


class TrackedLock:
    """A threading.Lock that knows its holder. It has one inside: the type of real locks cannot be derived from."""

    __slots__ = ("__weakref__", "_inner", "holder")

    def __init__(self) -> None:
        self._inner = _thread.allocate_lock()
        self.holder: tuple[Any, ...] | None = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 -- the original's signature
        """See threading.Lock."""
        got = self._inner.acquire(blocking, timeout)
        if got:
            self.holder = holder_here()
        return got

    def release(self) -> None:
        """See threading.Lock. The record goes first: afterwards it may be that of the next holder."""
        holder, self.holder = self.holder, None
        try:
            self._inner.release()
        except RuntimeError:
            self.holder = holder
            raise

    def locked(self) -> bool:
        """See threading.Lock."""
        return self._inner.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        self._inner._at_fork_reinit()  # type: ignore[attr-defined]  # noqa: SLF001 -- what os.fork calls
        self.holder = None

    def __repr__(self) -> str:
        return repr(self._inner)


_RLock: Any = _thread.RLock


class TrackedRLock(_RLock):  # type: ignore[misc] # typeshed does not know the methods that Condition calls
    """A threading.RLock that knows its holder."""

    __slots__ = ("depth", "holder")

    def __init__(self) -> None:
        super().__init__()
        self.depth = 0
        self.holder: tuple[Any, ...] | None = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 -- the original's signature
        """See threading.RLock."""
        got: bool = super().acquire(blocking, timeout)
        if got:
            self.depth += 1
            if self.depth == 1:
                self.holder = holder_here()
        return got

    def release(self) -> None:
        """See threading.RLock."""
        if not self._is_owned():
            super().release()  # raises
        self.depth -= 1
        if self.depth == 0:
            self.holder = None
        super().release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _release_save(self) -> Any:
        """Condition.wait gives the lock back at whatever depth."""
        saved = (self.depth, self.holder)
        self.depth, self.holder = 0, None
        return super()._release_save(), saved

    def _acquire_restore(self, state: Any) -> None:
        inner, saved = state
        super()._acquire_restore(inner)
        self.depth, self.holder = saved

    def _at_fork_reinit(self) -> None:
        super()._at_fork_reinit()
        self.depth, self.holder = 0, None
