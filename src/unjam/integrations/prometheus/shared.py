"""Several processes: each writes its numbers into prometheus_client's shared files once a second, and whichever is scraped sums them up.

prometheus_client asks no collector in this mode, it only reads what its `values.ValueClass` has written
(https://prometheus.github.io/client_python/multiprocess/), so the values are written with that, as its own metrics do.
"""

from __future__ import annotations

import math
import os
from typing import Any

from prometheus_client import values

from unjam.integrations.metrics.catalogue import Metric
from unjam.integrations.metrics.points import Distribution, Point, bound_text
from unjam.integrations.metrics.window import Window
from unjam.monitor import Monitor


class Shared:
    """Writes once a second, in the thread of the monitor that takes its events, and a last time at the end of the process."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._monitor: Monitor | None = None
        self._begin()

    def follow(self, watched: Monitor) -> None:
        """Write for as long as this monitor watches."""
        self.leave()
        self._monitor = watched
        watched.every_second.append(self.write)

    def leave(self) -> None:
        """Write no more."""
        watched, self._monitor = self._monitor, None
        if watched is not None and self.write in watched.every_second:
            watched.every_second.remove(self.write)

    def write(self) -> None:
        """Bring the files up to date."""
        if self._pid != os.getpid():
            self._begin()
        for point in self._window.points():
            if isinstance(point.value, Distribution):
                self._write_distribution(point, point.value)
            elif point.metric.kind == "counter":
                self._add(point, point.metric.prometheus, (), point.value)
            else:
                self._value(point, point.metric.prometheus, ()).set(point.value)

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._values: dict[tuple[str, ...], Any] = {}
        self._told: dict[tuple[str, ...], float] = {}

    def _write_distribution(self, point: Point, value: Distribution) -> None:
        name = point.metric.prometheus
        for bound, count in zip((*value.bounds, math.inf), value.counts, strict=True):
            self._add(point, f"{name}_bucket", (("le", bound_text(bound)),), float(count))
        if value.total is not None:
            self._add(point, f"{name}_sum", (), value.total)

    def _add(self, point: Point, name: str, more: tuple[tuple[str, str], ...], now: float) -> None:
        """Add what is new: the file may hold the counts of an earlier process with this number, and they still count."""
        key = (name, *point.labels, *(value for _, value in more))
        before = self._told.get(key, 0.0)
        self._told[key] = now
        self._value(point, name, more).inc(now - before if now >= before else now)

    def _value(self, point: Point, name: str, more: tuple[tuple[str, str], ...]) -> Any:
        key = (name, *point.labels, *(value for _, value in more))
        if key not in self._values:
            metric = point.metric
            labels = (*zip(metric.labels, point.labels, strict=True), *more)
            self._values[key] = values.ValueClass(
                metric.kind,
                _base_name(metric),
                name,
                tuple(label for label, _ in labels),
                tuple(value for _, value in labels),
                metric.meaning,
                multiprocess_mode=f"live{metric.merge}" if metric.merge else "",
            )
        return self._values[key]


def _base_name(metric: Metric) -> str:
    """The name of the family, under which the files are merged: that of a counter lacks its ending."""
    return metric.prometheus.removesuffix("_total") if metric.kind == "counter" else metric.prometheus
