"""Who holds which lock, recorded as it is taken (`--track-locks`): for locks made after the installation.

The holder is kept by its Thread and Task objects, never by an ident, which a later thread gets again. Without this the holder
of a lock is known only where a `with` block of a living frame shows it.
"""

from __future__ import annotations

import _thread
import sys
import threading
import time
import weakref
from types import CodeType
from typing import Any

from unjam.probes.patching import ImportWatch, Patches
from unjam.probes.waits_read import own_dict

_get_ident = _thread.get_ident
_active: dict[int, threading.Thread] = threading._active  # type: ignore[attr-defined]
_THROUGH = frozenset({"asyncio.locks", "contextlib", "logging", "queue", "threading", __name__})
"""Modules that take a lock on behalf of their caller, who is to be named."""


class Holder:
    """Who took a lock, where and when (CLOCK_MONOTONIC)."""

    __slots__ = ("code", "ident", "line", "since", "task", "thread")

    def __init__(self) -> None:
        self.since = time.monotonic_ns()
        self.ident = _get_ident()
        thread = _active.get(self.ident)
        self.thread = None if thread is None else weakref.ref(thread)
        task = _current_task()
        self.task = None if task is None else weakref.ref(task)
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_globals.get("__name__") in _THROUGH:
            frame = frame.f_back
        self.code: CodeType = frame.f_code
        self.line = frame.f_lineno


def _current_task() -> Any:
    c: Any = sys.modules.get("_asyncio")
    loop = c._get_running_loop() if c is not None else None
    tasks: Any = sys.modules.get("asyncio.tasks")
    return None if loop is None or tasks is None else tasks.current_task(loop)


class TrackedLock:
    """A threading.Lock that knows its holder. It has one inside: the type of real locks cannot be derived from."""

    __slots__ = ("__weakref__", "_inner", "holder")

    def __init__(self) -> None:
        self._inner = _thread.allocate_lock()
        self.holder: Holder | None = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 -- the original's signature
        """See threading.Lock."""
        got = self._inner.acquire(blocking, timeout)
        if got:
            self.holder = Holder()
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
        self._inner._at_fork_reinit()  # type: ignore[attr-defined]
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
        self.holder: Holder | None = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 -- the original's signature
        """See threading.RLock."""
        got: bool = super().acquire(blocking, timeout)
        if got:
            self.depth += 1
            if self.depth == 1:
                self.holder = Holder()
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


class LockTracker:
    """Puts tracked locks in the place of new ones, and asyncio.Lock's own methods under record."""

    def __init__(self, imports: ImportWatch) -> None:
        self._imports = imports
        self._patches = Patches()

    def install(self) -> None:
        """Track locks that are made from now on."""
        self._patches.replace(threading, "Lock", lambda _: TrackedLock)
        self._patches.replace(threading, "RLock", lambda _: TrackedRLock)
        self._imports.when_imported("asyncio.locks", self._hook_asyncio)

    def uninstall(self) -> None:
        """Make plain locks again; those that are tracked stay so."""
        self._patches.undo()

    def _hook_asyncio(self, locks: Any) -> None:
        self._patches.replace(locks.Lock, "acquire", _recording_acquire)
        self._patches.replace(locks.Lock, "release", _recording_release)


def _recording_acquire(original: Any) -> Any:
    async def acquire(self: Any) -> Any:
        got = await original(self)
        self._unjam_holder = Holder()
        return got

    return acquire


def _recording_release(original: Any) -> Any:
    def release(self: Any) -> None:
        original(self)
        self._unjam_holder = None

    return release


def inner_lock(value: Any) -> Any:
    """Return the real lock in a tracked one, anything else as it is."""
    return value._inner if type(value) is TrackedLock else value


def recorded_holder(lock: Any) -> Holder | None:
    """Return who holds a tracked lock; None for a free one and for one that is not tracked."""
    tracked = type(lock) is TrackedLock or type(lock) is TrackedRLock
    found = lock.holder if tracked else own_dict(lock).get("_unjam_holder")
    return found if type(found) is Holder else None
