"""The numbers of this process, and its stalls as spans, for OpenTelemetry: `pip install 'unjam[otel]'`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from unjam.integrations.extras import need
from unjam.integrations.metrics import meter
from unjam.integrations.metrics.window import Window
from unjam.model.durations import parse_duration

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

__all__ = ["install_metrics", "install_spans"]


def install_metrics(*, meter_provider: MeterProvider | None = None, max_over: str | None = None) -> Callable[[], None]:
    """Offer the metrics of docs/metrics.md to the readers of a provider (the global one unless given); returns what ends that.

    Whether `unjam.install()` comes before or after does not matter; until it does, there are none. `max_over` is a duration such
    as "60s": the maximum and the utilisation are those of the last so long, for where several readers collect; without it they are
    since the last collection. Install once for a provider: it keeps instruments until it ends.

    Raises NotAvailable without OpenTelemetry's API, UsageError for a duration that is none.
    """
    need("opentelemetry.metrics", extra="otel")
    over_s = None if max_over is None else parse_duration(max_over, what="max_over") / 1e9
    from opentelemetry.metrics import get_meter_provider

    from unjam.integrations.otel.instruments import Instruments

    provider = get_meter_provider() if meter_provider is None else meter_provider
    instruments = Instruments(provider, Window(meter.read, over_s=over_s))
    release = meter.acquire()

    def remove() -> None:
        instruments.stop()
        release()

    return remove


def install_spans(*, tracer_provider: TracerProvider | None = None) -> Callable[[], None]:
    """Make a span `event_loop_blocked` of each stall, below each span that it delayed; returns what ends that.

    `tracer_provider` is the global one unless given; it must be set before. Raises NotAvailable without OpenTelemetry's API.
    """
    need("opentelemetry.trace", extra="otel")
    from opentelemetry.trace import get_tracer_provider

    from unjam import monitor
    from unjam.integrations.otel.spans import Spans

    spans = Spans(get_tracer_provider() if tracer_provider is None else tracer_provider)
    unfollow = monitor.when_watched(spans.follow)

    def remove() -> None:
        unfollow()
        spans.stop()

    return remove
