"""One subinterpreter of a pool (Python 3.14, PEP 734), with a GIL of its own."""

from __future__ import annotations

import atexit
import sys
from contextlib import suppress
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from unjam.bridge.remote import execute
from unjam.errors import WorkerDied

if TYPE_CHECKING:
    from collections.abc import Callable


class Subinterpreter:
    """An interpreter that runs one job at a time in the pool's own thread. It can neither be killed nor told anything."""

    def __init__(self, name: str) -> None:
        interpreters: Any = import_module("concurrent.interpreters")
        self._name = name
        self._interpreter = interpreters.create()
        self._closing = Lock()
        self._closed = False
        LIVING.add(self)
        # What was put on the path at run time is not inherited, and jobs are found by it.
        self._interpreter.exec(f"import sys; sys.path[:] = {sys.path!r}")

    def run(self, job: bytes, gone: Callable[[], bool]) -> bytes:  # noqa: ARG002 - there is no way to tell it
        """As Remote."""
        try:
            return bytes(self._interpreter.call(execute, job))
        except Exception as exc:
            raise WorkerDied(f"interpreter {self._name!r} failed under its call: {exc}") from exc

    def alive(self) -> bool:
        """As Remote; only its thread closes it."""
        return True

    def kill(self) -> None:
        """As Remote; an interpreter ends with its job only."""

    def cancel(self) -> None:
        """As Remote; nothing reaches a running interpreter."""

    def close(self) -> None:
        """As Remote; also from the thread that ends the program, which waits for one that is just being closed."""
        with self._closing:
            if not self._closed:
                self._interpreter.close()
                self._closed = True


LIVING: WeakSet[Subinterpreter] = WeakSet()


def _close_all() -> None:
    """Leave none behind: CPython 3.14 warns of them at its end, and may crash where another thread just closes one.

    One that still runs something cannot be closed.
    """
    for living in list(LIVING):
        with suppress(Exception):
            living.close()


atexit.register(_close_all)
