"""Times that count from the start of a call's run, kept on the caller's loop so that the threads need no clock."""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from unjam.bridge.calls import Call


class Deadline:
    """Fires once when a call has been running for `seconds`.

    A call that has not started cannot be due before another `seconds` have gone, so nobody needs to say when it does.
    """

    def __init__(self, call: Call, seconds: float, fire: Callable[[], object]) -> None:
        self._call = call
        self._seconds = seconds
        self._fire = fire
        self._timer = call.port.call_later(seconds, self._look)

    def _look(self) -> None:
        call = self._call
        if call.arrived:
            return
        left = self._seconds
        if call.started:
            left -= (monotonic_ns() - call.started) / 1e9
        if left <= 0:
            self._fire()
        else:
            self._timer = call.port.call_later(left, self._look)

    def cancel(self) -> None:
        """Call it off."""
        self._timer.cancel()
