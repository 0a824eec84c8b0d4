"""Keeps CPython from warning a program of our own threads when it forks.

Since 3.12 os.fork warns where the process has more than one thread. Ours of Python live on, but rest and hold nothing that a fork
could harm; the C core's watchdog is stopped before a fork and started again after it, and 3.13, and the first releases of 3.14, count
only then (https://github.com/python/cpython/issues/137109).
"""

from __future__ import annotations

import sys
import time

from unjam.native.quiet_thread import other_threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WARNS = sys.version_info >= (3, 12)

MESSAGE = "This process .* is multi-threaded, use of"

LONG_ENOUGH_NS = 10_000_000_000
"""The warning follows the hooks of the fork at once, but a busy machine may come between; the next fork decides anew."""


class ForkWarning:
    """A filter for that one warning, in place for a while after a fork, where the program has one thread of its own."""

    def __init__(self) -> None:
        self._alone = False
        self._filter: Any = None
        self._until_ns = 0

    def before_fork(self) -> None:
        """Count the threads that are none of ours: a program with several is warned rightly."""
        self._alone = WARNS and other_threads() == 1
        if self._alone:
            self.hold_back()
        else:
            self.let_go(now=True)

    def hold_back(self) -> None:
        """Have the warning ignored for a while from now on."""
        if self._alone:
            import warnings

            if self._filter is None or self._filter not in warnings.filters[:1]:
                self.let_go(now=True)  # the program has put others before it, or all of them away
                warnings.filterwarnings("ignore", message=MESSAGE, category=DeprecationWarning)
                self._filter = warnings.filters[0]
        self._until_ns = time.monotonic_ns() + LONG_ENOUGH_NS

    def let_go(self, *, now: bool = False) -> None:
        """Remove the filter when its time is over; called every now and then."""
        if self._filter is None or (not now and time.monotonic_ns() < self._until_ns):
            return
        filters: Any = sys.modules["warnings"].filters
        if self._filter in filters:
            filters.remove(self._filter)
        self._filter = None
