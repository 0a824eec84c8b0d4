"""What "since the last scrape" means: since the last look, or over the last so many seconds where several look or nobody knows when."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable

from unjam.integrations.metrics.points import Point, points
from unjam.integrations.metrics.reading import Reading

MOST_KEPT = 600
"""Readings kept of one window: at one a second ten minutes, beyond which a maximum says little."""


class Window:
    """Looks at the numbers, each time against an earlier look. `over_s` None: the last one; else the oldest within that time."""

    def __init__(
        self, read: Callable[[], Reading], *, over_s: float | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read, self._over_s, self._clock = read, over_s, clock
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._earlier: deque[tuple[float, Reading]] = deque(maxlen=MOST_KEPT)

    def points(self) -> list[Point]:
        """All values now."""
        if self._pid != os.getpid():
            self._pid, self._lock = os.getpid(), threading.Lock()
            self._earlier.clear()
        with self._lock:
            now, reading = self._clock(), self._read()
            before = self._before(now)
            self._earlier.append((now, reading))
        return points(reading, before)

    def _before(self, now: float) -> Reading | None:
        if self._over_s is None:
            return self._earlier[-1][1] if self._earlier else None
        while len(self._earlier) > 1 and self._earlier[1][0] <= now - self._over_s:
            self._earlier.popleft()
        return self._earlier[0][1] if self._earlier else None
