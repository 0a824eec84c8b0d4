"""How asyncio and uvloop are made to tell when a loop starts and stops."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from unjam.failure import report_failure
from unjam.probes.patching import Patches


class LoopHooks:
    """Makes asyncio and uvloop tell when a loop starts and stops.

    `running` is called with the loop that the calling thread runs from now on, None for none; it may be replaced. Where it
    fails, that is reported, and it is not called again.
    """

    def __init__(self, running: Callable[[Any], None]) -> None:
        self.running = running
        self._patches = Patches()

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
        return self.running is not _nobody

    def tell(self, loop: Any) -> None:
        """The calling thread runs this loop from now on, or none."""
        try:
            self.running(loop)
        except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
            self.running = _nobody
            report_failure("a loop is not watched", error)

    def _telling(self, original: Callable[[Any], None]) -> Callable[[Any], None]:
        def _set_running_loop(loop: Any) -> None:
            original(loop)
            # As `tell`, but without the call: a test of a suite comes by six times.
            try:
                self.running(loop)
            except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
                self.running = _nobody
                report_failure("a loop is not watched", error)

        return _set_running_loop

    def _bracketing(self, original: Callable[[Any], None]) -> Callable[[Any], None]:
        def run_forever(loop: Any) -> None:
            self.tell(loop)
            try:
                original(loop)
            finally:
                self.tell(None)

        return run_forever


def _nobody(loop: Any) -> None:
    """Who is told of loops when nobody is any more."""
