"""Histograms that exist already, put into what a reader of OpenTelemetry's SDK collects.

The API knows histograms only as instruments that are told of every single value, and a loop makes thousands of turns a second: telling of
each (4 us) would cost the loop more than many a turn takes. The data model has no such limit
(https://opentelemetry.io/docs/specs/otel/metrics/data-model/#histogram), so finished points are added to what each reader collects, by
wrapping the function from which it collects (`MetricReader._set_collect_callback`, SDK 1.12 to 1.45).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from unjam.failure import report_failure, say
from unjam.integrations.metrics import meter
from unjam.integrations.metrics.catalogue import METRICS, Metric
from unjam.integrations.metrics.points import Distribution, Point, points

SCOPE: Final = "unjam"
"""The instrumentation scope of all that is told."""

Counts = dict[tuple[Metric, tuple[str, ...]], Distribution]


class Histograms:
    """Adds the histograms of the catalogue to what the readers of one provider collect."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self._wrapped: list[tuple[Any, Any, Any]] = []
        self._said = self._has_failed = False

    def inject(self) -> None:
        """Wrap the readers, once there are any: a provider that stands in for one that is still to be set has none yet."""
        if self._wrapped or self._said:
            return
        readers = _readers(self._provider)
        for reader in readers or ():
            original = getattr(reader, "_collect", None)
            if original is not None and hasattr(reader, "_set_collect_callback"):
                ours = partial(self._collect, original, _Series(reader))
                reader._set_collect_callback(ours)  # noqa: SLF001 -- see above
                self._wrapped.append((reader, original, ours))
        if readers and not self._wrapped:
            self._said = True
            say(
                "unjam: this OpenTelemetry SDK takes no finished histograms: those are missing, the other metrics are there"
            )

    def withdraw(self) -> None:
        """Put back what is still ours, and tell nothing where it is not."""
        wrapped, self._wrapped = self._wrapped, []
        self._said = True
        for reader, original, ours in wrapped:
            if reader._collect is ours:  # noqa: SLF001 -- see above
                reader._set_collect_callback(original)  # noqa: SLF001

    def _collect(self, original: Callable[..., Any], series: _Series, /, *args: Any, **options: Any) -> Any:
        data = original(*args, **options)
        if data is None or not self._wrapped:
            return data
        try:
            return series.added_to(data)
        except Exception as error:  # noqa: BLE001 -- the collection goes on with the program's own metrics
            if not self._has_failed:
                self._has_failed = True
                report_failure("its histograms are missing in a collection", error)
            return data


class _Series:
    """The histograms as one reader sees them: since the beginning, or since its last collection where it wants that."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._begin()

    def added_to(self, data: Any) -> Any:
        """The collected data with ours in the scope of our other metrics."""
        if self._pid != os.getpid():
            self._begin()
        metrics = self._metrics()
        return replace(data, resource_metrics=[_with(resource, metrics) for resource in data.resource_metrics])

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._since_ns = time.time_ns()
        self._told: Counts = {}

    def _metrics(self) -> list[Any]:
        from opentelemetry.sdk.metrics import export

        is_delta = _temporality(self._reader) is export.AggregationTemporality.DELTA
        now_ns = time.time_ns()
        found = [point for point in points(meter.read(), None) if isinstance(point.value, Distribution)]
        made = []
        for metric in METRICS:
            mine = [self._data_point(point, now_ns, is_delta=is_delta) for point in found if point.metric == metric]
            if mine:
                histogram = export.Histogram(mine, _temporality(self._reader))
                made.append(export.Metric(metric.otel, metric.meaning, metric.unit, histogram))
        if is_delta:
            self._since_ns = now_ns
        return made

    def _data_point(self, point: Point, now_ns: int, *, is_delta: bool) -> Any:
        from opentelemetry.sdk.metrics.export import HistogramDataPoint

        value = point.value
        assert isinstance(value, Distribution)
        key = (point.metric, point.labels)
        before = self._told.get(key) if is_delta else None
        self._told[key] = value
        new = value if before is None else _minus(value, before)
        # None is "not measured", as it is in OTLP; the types of the SDK do not say so.
        unmeasured: dict[str, Any] = {"sum": new.total, "min": None, "max": new.longest}
        return HistogramDataPoint(
            attributes=dict(zip(point.metric.labels, point.labels, strict=True)),
            start_time_unix_nano=self._since_ns,
            time_unix_nano=now_ns,
            count=sum(new.counts),
            bucket_counts=list(new.counts),
            explicit_bounds=list(new.bounds),
            **unmeasured,
        )


def _readers(provider: Any) -> Sequence[Any] | None:
    """The readers of an SDK's provider, also behind the API's stand-in for one that was set later; None where it is no SDK's."""
    real = getattr(provider, "_real_meter_provider", None) or provider
    config = getattr(real, "_sdk_config", None)
    readers = getattr(real, "_metric_readers", None) or getattr(config, "metric_readers", None)
    return None if readers is None else list(readers)


def _temporality(reader: Any) -> Any:
    """What the reader wants of histograms; cumulative unless it says something else."""
    from opentelemetry.sdk.metrics import export

    chosen = getattr(reader, "_instrument_class_temporality", {})
    wanted = [value for cls, value in chosen.items() if cls.__name__ in {"Histogram", "_Histogram"}]
    return wanted[0] if wanted else export.AggregationTemporality.CUMULATIVE


def _with(resource: Any, metrics: list[Any]) -> Any:
    scopes = [
        replace(scope, metrics=[*scope.metrics, *metrics]) if scope.scope.name == SCOPE else scope
        for scope in resource.scope_metrics
    ]
    return replace(resource, scope_metrics=scopes)


def _minus(now: Distribution, before: Distribution) -> Distribution:
    counts = tuple(new - old for new, old in zip(now.counts, before.counts, strict=True))
    known = now.total is not None and before.total is not None
    return Distribution(now.bounds, counts, (now.total or 0.0) - (before.total or 0.0) if known else None)
