"""The catalogue as OpenTelemetry's instruments: counters and gauges that are asked at each collection."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import partial
from typing import Any

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from unjam import __version__
from unjam.failure import report_failure
from unjam.integrations.metrics.catalogue import METRICS, Metric
from unjam.integrations.metrics.points import Distribution, Point
from unjam.integrations.metrics.window import Window
from unjam.integrations.otel.histograms import SCOPE, Histograms


class Looks:
    """One look at the numbers for all instruments of a collection: a new one when an instrument asks again."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._lock = threading.Lock()
        self._asked: set[Metric] = set()
        self._points: list[Point] = []

    def of(self, metric: Metric) -> list[Point]:
        """The values of one metric."""
        with self._lock:
            if not self._asked or metric in self._asked:
                self._asked.clear()
                self._points = self._window.points()
            self._asked.add(metric)
            return [point for point in self._points if point.metric == metric]


class Instruments:
    """The instruments of one provider; those of another look at the same numbers."""

    def __init__(self, provider: MeterProvider, window: Window) -> None:
        self._looks = Looks(window)
        self._histograms = Histograms(provider)
        self._is_over = self._has_failed = False
        self._histograms.inject()
        maker = provider.get_meter(SCOPE, __version__)
        make: dict[str, Any] = {
            "counter": maker.create_observable_counter,
            "gauge": maker.create_observable_gauge,
        }
        for metric in METRICS:
            if metric.kind in make:
                callback = partial(self._observe, metric)
                make[metric.kind](metric.otel, [callback], unit=metric.unit, description=metric.meaning)

    def stop(self) -> None:
        """Tell nothing any more."""
        self._is_over = True
        self._histograms.withdraw()

    def _observe(self, metric: Metric, options: CallbackOptions) -> Iterable[Observation]:
        del options
        if self._is_over:
            return []
        try:
            self._histograms.inject()
            return [_observation(point) for point in self._looks.of(metric)]
        except Exception as error:  # noqa: BLE001 -- the collection goes on with the program's own metrics
            if not self._has_failed:
                self._has_failed = True
                report_failure("its metrics are missing in a collection", error)
            return []


def _observation(point: Point) -> Observation:
    assert not isinstance(point.value, Distribution)
    return Observation(point.value, dict(zip(point.metric.labels, point.labels, strict=True)))
