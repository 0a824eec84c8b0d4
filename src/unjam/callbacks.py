"""Functions of the program that are called after each stall: `unjam.on_stall`."""

from __future__ import annotations

import contextlib
import inspect
import queue
import threading
from collections.abc import Callable

from unjam import monitor
from unjam.errors import UsageError
from unjam.failure import report_failure
from unjam.telling import of_the_program, wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unjam.model.findings import Finding

    OnStall = Callable[[Finding], None]

MOST_WAITING = 1_000
"""Findings kept for callbacks that are slow; what comes beyond it they are not told of."""


class Callbacks:
    """Calls the program's own functions in a thread of their own: one that blocks or raises harms nobody else."""

    def __init__(self) -> None:
        self._callbacks: list[OnStall] = []
        self._waiting: queue.Queue[Finding] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None

    def add(self, callback: OnStall) -> Callable[[], None]:
        """Have it called; returns what ends that."""
        self._callbacks.append(callback)

        def remove() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return remove

    def any(self) -> bool:
        """Whether there is one."""
        return bool(self._callbacks)

    def put(self, finding: Finding) -> None:
        """Pass a finding on without waiting."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="unjam-on-stall", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:
                return  # the interpreter is ending: no thread begins any more (CPython 3.12)
        # A callback that never comes back must not fill the memory; the recording has it all.
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(finding)

    def _run(self) -> None:
        while True:
            finding = self._waiting.get()
            for callback in tuple(self._callbacks):
                try:
                    callback(finding)
                except BaseException as error:  # noqa: BLE001 -- it is the program's own function, and may call exit()
                    report_failure("a callback of on_stall failed", error)


_callbacks = Callbacks()


def on_stall(callback: OnStall) -> Callable[[], None]:
    """Call `callback(finding)` after each stall of this process, in a thread of unjam's own; returns what ends that.

    It may be registered before `install` or after. What it raises is told in one line on stderr; one that blocks keeps
    nobody waiting but those that come after it. Raises UsageError for what is no plain function: no loop runs where it is called.
    """
    if not callable(callback) or inspect.iscoroutinefunction(callback):
        kind = "a coroutine function" if callable(callback) else type(callback).__name__
        raise UsageError(f"unjam.on_stall calls a plain function with each finding, not {kind}")

    remove = _callbacks.add(callback)
    of_the_program[:] = [_callbacks.put]
    watched = monitor.current()
    if watched is not None:
        wire(watched.tell(), watched.settings)

    def end() -> None:
        remove()
        if not _callbacks.any():
            of_the_program.clear()

    return end
