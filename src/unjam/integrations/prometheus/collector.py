"""One process: the numbers are looked at when somebody scrapes, in whatever thread or loop that happens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector as Base

from unjam.failure import report_failure
from unjam.integrations.metrics.catalogue import METRICS, Metric
from unjam.integrations.metrics.points import Distribution, Point, bound_text
from unjam.integrations.metrics.window import Window

_FAMILIES: dict[str, Callable[..., Any]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
}


class Collector(Base):
    """What a registry of prometheus_client asks. A failure of ours is one line and metrics that are missing, never a failed scrape."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self.is_over = False

    def describe(self) -> Iterable[Family]:
        """The metrics without values: by them the registry sees that they are there twice."""
        return [_family(metric) for metric in METRICS]

    def collect(self) -> Iterator[Family]:
        """All values now."""
        try:
            families = _filled(self._window.points())
        except Exception as error:  # noqa: BLE001 -- the scrape goes on with the program's own metrics
            report_failure("its metrics are missing in a scrape", error)
            return
        yield from families


def _family(metric: Metric) -> Any:
    return _FAMILIES[metric.kind](metric.prometheus, metric.meaning, labels=metric.labels)


def _filled(points: Iterable[Point]) -> list[Family]:
    families: dict[Metric, Any] = {}
    for metric, labels, value in points:
        family = families.setdefault(metric, _family(metric))
        if isinstance(value, Distribution):
            _add(metric, family, labels, value)
        else:
            family.add_metric(labels, value)
    return list(families.values())


def _add(metric: Metric, family: Any, labels: tuple[str, ...], value: Distribution) -> None:
    family.add_metric(labels, buckets=_cumulative(value), sum_value=value.total)
    if value.total is None:  # prometheus_client leaves the count out together with the sum
        names = dict(zip(metric.labels, labels, strict=True))
        family.add_sample(f"{family.name}_count", names, float(sum(value.counts)))


def _cumulative(value: Distribution) -> list[tuple[str, float]]:
    bounds = [bound_text(bound) for bound in (*value.bounds, math.inf)]
    return list(zip(bounds, map(float, accumulate(value.counts)), strict=True))
