"""The numbers of this process for Prometheus, through prometheus_client: `pip install 'unjam[prometheus]'`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from unjam.integrations.extras import need
from unjam.integrations.metrics import meter
from unjam.integrations.metrics.window import Window
from unjam.model.durations import parse_duration

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["install"]

MULTIPROCESS = ("PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir")
"""The variables of which one switches prometheus_client to files shared by processes."""

MULTIPROCESS_WINDOW_S = 60.0
"""What stands for "since the last scrape" where another process answers it: Prometheus scrapes once a minute unless told otherwise."""


def install(*, registry: CollectorRegistry | None = None, max_over: str | None = None) -> Callable[[], None]:
    """Offer the metrics of docs/metrics.md in `registry` (prometheus_client's own unless given); returns what ends that.

    Whether `unjam.install()` comes before or after does not matter; until it does, there are none. `max_over` is a duration such
    as "60s": the maximum and the utilisation are those of the last so long, for where several Prometheus servers scrape; without
    it they are since the last scrape. In prometheus_client's multiprocess mode they are those of the last minute unless given,
    and `registry` is of no meaning: every process writes into the shared files once a second.

    Raises NotAvailable without prometheus_client, UsageError for a duration that is none, and prometheus_client's
    DuplicateTimeseries where the registry has the metrics already.
    """
    need("prometheus_client", extra="prometheus")
    over_s = None if max_over is None else parse_duration(max_over, what="max_over") / 1e9
    if any(name in os.environ for name in MULTIPROCESS):
        return _share(over_s or MULTIPROCESS_WINDOW_S)
    return _offer(registry, over_s)


def _offer(registry: CollectorRegistry | None, over_s: float | None) -> Callable[[], None]:
    from prometheus_client import REGISTRY

    from unjam.integrations.prometheus.collector import Collector

    chosen = REGISTRY if registry is None else registry
    collector = Collector(Window(meter.read, over_s=over_s))
    chosen.register(collector)
    release = meter.acquire()

    def remove() -> None:
        release()
        if not collector.is_over:
            collector.is_over = True
            chosen.unregister(collector)

    return remove


def _share(over_s: float) -> Callable[[], None]:
    from unjam import monitor
    from unjam.integrations.prometheus.shared import Shared

    release = meter.acquire()
    shared = Shared(Window(meter.read, over_s=over_s))
    unfollow = monitor.when_watched(shared.follow)

    def remove() -> None:
        unfollow()
        shared.leave()
        release()

    return remove
