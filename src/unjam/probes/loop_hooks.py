"""How asyncio and uvloop are made to tell when a loop starts and stops."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from unjam.failure import report_failure
from unjam.probes.loop_kinds import epoll_fd
from unjam.probes.patching import Patches


class LoopHooks:
    """Makes asyncio and uvloop tell when a loop starts and stops.

    `running` is called with the loop that the calling thread runs from now on, None for none; it may be replaced. Where it
    fails, that is reported, and it is not called again.
    """

    def __init__(self, running: Callable[[Any], None], engine: Any = None) -> None:
        self._follow = getattr(engine, "follow_runs", None)
        self._telling_runs = getattr(engine, "telling_runs", None)
        self._patches = Patches()
        self.running = running

    @property
    def running(self) -> Callable[[Any], None]:
        """What is called."""
        return self._running

    @running.setter
    def running(self, running: Callable[[Any], None]) -> None:
        self._running = running
        if self._follow is not None:
            self._follow(self.tell if self.is_active else None, epoll_fd)

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
        self.running = _nobody
        self._patches.undo()

    @property
    def is_active(self) -> bool:
        """Whether somebody is told: not after `undo`, and not after a failure."""
        return self._running is not _nobody

    def tell(self, loop: Any) -> None:
        """The calling thread runs this loop from now on, or none."""
        try:
            self._running(loop)
        except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
            self.running = _nobody
            report_failure("a loop is not watched", error)

    def _telling(self, original: Callable[[Any], None]) -> Any:
        if self._telling_runs is not None:
            return self._telling_runs(original)

        def _set_running_loop(loop: Any) -> None:
            original(loop)
            self.tell(loop)

        return _set_running_loop

    def _bracketing(self, original: Callable[[Any], None]) -> Callable[[Any], None]:
        tell = self.tell if self._telling_runs is None else self._telling_runs(None)

        def run_forever(loop: Any) -> None:
            tell(loop)
            try:
                original(loop)
            finally:
                tell(None)

        return run_forever


def _nobody(loop: Any) -> None:
    """Who is told of loops when nobody is any more."""
