"""Keeps CPython 3.13 from warning a program of our own threads when it forks.

Since 3.12 os.fork warns where the process has more than one thread. Ours are stopped before a fork and started again after it;
3.13, and the first releases of 3.14, count only then (https://github.com/python/cpython/issues/137109).
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COUNTS_LATE = (3, 13) <= sys.version_info[:2] <= (3, 14)
"""Later releases of both count in time; there this does nothing but to add a filter that nothing meets."""

MESSAGE = "This process .* is multi-threaded, use of"

LONG_ENOUGH_NS = 100_000_000
"""The warning follows the hooks of the fork at once; only other hooks come between."""


class ForkWarning:
    """A filter for that one warning, in place for a moment after a fork, where the program has one thread of its own."""

    def __init__(self) -> None:
        self._alone = False
        self._filter: Any = None
        self._until_ns = 0

    def before_fork(self) -> None:
        """Count the threads, once ours are gone: a program with several is warned rightly."""
        self._alone = COUNTS_LATE and _count_threads() == 1

    def hold_back(self) -> None:
        """Ours are about to be started again: have the warning ignored."""
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
