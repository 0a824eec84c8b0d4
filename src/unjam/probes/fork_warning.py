"""Keeps CPython from warning a program of our own threads when it forks.

Since 3.12 os.fork warns where the process has more than one thread. Ours of Python are stopped before a fork and started again
after it, but 3.13, and the first releases of 3.14, count only then (https://github.com/python/cpython/issues/137109); the C
core's watchdog, which holds nothing that a fork could harm, lives on and is counted by all.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WARNS = sys.version_info >= (3, 12)

COUNTS_LATE = (3, 13) <= sys.version_info[:2] <= (3, 14)
"""Later releases of both count in time; there this does nothing but to add a filter that nothing meets."""

MESSAGE = "This process .* is multi-threaded, use of"

LONG_ENOUGH_NS = 10_000_000_000
"""The warning follows the hooks of the fork at once, but a busy machine may come between; the next fork decides anew."""


class ForkWarning:
    """A filter for that one warning, in place for a while after a fork, where the program has one thread of its own."""

    def __init__(self) -> None:
        self._alone = False
        self._filter: Any = None
        self._until_ns = 0

    def before_fork(self, own_left: int) -> None:
        """Count the threads, once ours are gone but for `own_left`: a program with several of its own is warned rightly."""
        self._alone = WARNS and (COUNTS_LATE or own_left > 0) and _count_threads() == 1 + own_left
        if self._alone:
            self.hold_back()
        else:
            self.let_go(now=True)

    def hold_back(self) -> None:
        """Have the warning ignored for a while from now on."""
        if self._alone and self._filter is None:
            import warnings

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


def _count_threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0
