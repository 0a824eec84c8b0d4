"""Who holds which lock, recorded as it is taken (`--track-locks`): for locks made after the installation.

The holder is kept by its Thread and Task objects, never by an ident, which a later thread gets again. Without this the holder
of a lock is known only where a `with` block of a living frame shows it.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from unjam.native import tracked_locks
from unjam.probes.patching import ImportWatch, Patches
from unjam.probes.waits_read import own_dict

_THROUGH = frozenset({"asyncio.locks", "contextlib", "logging", "queue", "threading", __name__})
"""Modules that take a lock on behalf of their caller, who is to be named."""


class Holder:
    """Who took a lock, where and when (CLOCK_MONOTONIC, ns); `thread` and `task` are weak references or None."""

    __slots__ = ("code", "ident", "line", "since", "task", "thread")

    def __init__(self, record: tuple[Any, ...]) -> None:
        self.since, self.ident, self.thread, self.task, self.code, self.line = record


class LockTracker:
    """Puts tracked locks in the place of new ones, and asyncio.Lock's own methods under record. `tier` forces one."""

    def __init__(self, imports: ImportWatch, tier: str = "") -> None:
        self._imports = imports
        self._patches = Patches()
        self._kinds = tracked_locks(tier)
        _kinds.update((id(kind), kind) for kind in (self._kinds.TrackedLock, self._kinds.TrackedRLock))

    def install(self) -> None:
        """Track locks that are made from now on."""
        kinds = self._kinds
        kinds.set_lock_records(threading._active, _THROUGH)  # type: ignore[attr-defined]
        self._patches.replace(threading, "Lock", lambda _: kinds.TrackedLock)
        self._patches.replace(threading, "RLock", lambda _: kinds.TrackedRLock)
        self._imports.when_imported("asyncio.locks", self._hook_asyncio)

    def uninstall(self) -> None:
        """Make plain locks again; those that are tracked stay so."""
        self._patches.undo()

    def _hook_asyncio(self, locks: Any) -> None:
        c: Any = sys.modules.get("_asyncio")
        if c is not None:  # what it gives is C, which a lock may call without running any bytecode
            task_of = getattr(c, "current_task", None) or c._current_tasks  # the former from 3.12 on
            self._kinds.set_lock_records(threading._active, _THROUGH, c._get_running_loop, task_of)  # type: ignore[attr-defined]
        self._patches.replace(locks.Lock, "acquire", self._recording_acquire)
        self._patches.replace(locks.Lock, "release", _recording_release)

    def _recording_acquire(self, original: Any) -> Any:
        holder_here = self._kinds.holder_here

        async def acquire(self: Any) -> Any:
            got = await original(self)
            self._unjam_holder = holder_here()
            return got

        return acquire


def _recording_release(original: Any) -> Any:
    def release(self: Any) -> None:
        original(self)
        self._unjam_holder = None

    return release


_kinds: dict[int, Any] = {}
"""By address: every type of tracked locks that was ever installed, for they outlive that."""


def is_tracked_type(address: int) -> bool:
    """Say whether a type of tracked locks is at that address."""
    return address in _kinds


def inner_lock(value: Any) -> Any:
    """Return the real lock in a tracked one, anything else as it is."""
    return getattr(value, "_inner", value) if id(type(value)) in _kinds else value


def recorded_holder(lock: Any) -> Holder | None:
    """Return who holds a tracked lock; None for a free one and for one that is not tracked."""
    found = lock.holder if id(type(lock)) in _kinds else own_dict(lock).get("_unjam_holder")
    return Holder(found) if type(found) is tuple else None


def tracked_wait(code: Any, values: Any) -> Any:
    """Return the tracked lock of the twin in whose acquire() a thread is without a time-out; None where it is not.

    `code` is the one that runs, `values()` gives its locals. That of the C core has no frame: the kernel tells of its waits.
    """
    if not any(getattr(kind.acquire, "__code__", None) is code for kind in _kinds.values()):
        return None
    found = values()
    return found["self"] if found["blocking"] is True and found["timeout"] == -1 else None
