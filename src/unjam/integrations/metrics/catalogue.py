"""Every metric: its names, kind, unit, labels and meaning. Both back-ends, the documentation and the dashboard follow this list.

Names keep the conventions of Prometheus (https://prometheus.io/docs/practices/naming/) and of OpenTelemetry's Node.js runtime
(https://opentelemetry.io/docs/specs/semconv/runtime/nodejs-metrics/); units are those of UCUM.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from unjam.knowledge import index
from unjam.model.timeouts import Fault

UNKNOWN = "unknown"
"""The cause of a stall that no rule explains, or that there was no time to think about."""

CAUSES = (*sorted(rule.cause for rule in index.rules() if rule.code < "UJ6"), UNKNOWN)
"""The causes of stalls: the rules up to UJ5xx, of what a loop can be held by."""

FAULTS = tuple(fault.value for fault in Fault)
"""Whose fault a timeout can be."""

Kind: TypeAlias = Literal["histogram", "counter", "gauge"]

DELAY_BOUNDS_S = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
)
"""From a turn that nobody notices to one that costs a worker its life (gunicorn's 30 s); 50 ms is the default threshold."""


class Metric(NamedTuple):
    """One metric. `merge` is how the gauges of several processes become one: the sum, or the largest."""

    prometheus: str
    otel: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    meaning: str
    merge: Literal["", "sum", "max"] = ""


DELAY = Metric(
    "unjam_eventloop_delay_seconds",
    "unjam.eventloop.delay",
    "histogram",
    "s",
    ("loop",),
    "How long turns of the event loop took: what was ready had to wait that long at most.",
)
DELAY_MAX = Metric(
    "unjam_eventloop_delay_max_seconds",
    "unjam.eventloop.delay.max",
    "gauge",
    "s",
    ("loop",),
    "The longest turn since the last scrape, one that still goes on included.",
    merge="max",
)
AWAY = Metric(
    "unjam_eventloop_away_seconds",
    "unjam.eventloop.away",
    "gauge",
    "s",
    ("loop",),
    "For how long the event loop has been away by now; 0 while it waits for events.",
    merge="max",
)
UTILIZATION = Metric(
    "unjam_eventloop_utilization_ratio",
    "unjam.eventloop.utilization",
    "gauge",
    "1",
    ("loop",),
    "The share of time since the last scrape in which the event loop was busy, 0 to 1; of several loops the busiest.",
    merge="max",
)
TIME = Metric(
    "unjam_eventloop_time_seconds_total",
    "unjam.eventloop.time",
    "counter",
    "s",
    ("loop", "state"),
    "Time that event loops were active (away from their select) or idle (in it).",
)
BLOCKED = Metric(
    "unjam_blocked_seconds_total",
    "unjam.blocked.duration",
    "counter",
    "s",
    ("cause",),
    "Time that stalls took, by what caused it.",
)
STALLS = Metric(
    "unjam_stalls_total",
    "unjam.stalls",
    "counter",
    "{stall}",
    ("cause",),
    "Stalls (turns over the threshold) by their main cause.",
)
STALL_TIME = Metric(
    "unjam_stall_time_seconds_total",
    "unjam.stall.time",
    "counter",
    "s",
    ("state",),
    "Time that stalls took, by what the loop's thread did: ran, waited in the kernel, for the GIL, for a CPU.",
)
TIMEOUTS = Metric(
    "unjam_timeouts_total",
    "unjam.timeouts",
    "counter",
    "{timeout}",
    ("fault",),
    "Timeouts that fired, by whose fault it was: loop and pool are false timeouts, peer is the other side.",
)
POOL_SIZE = Metric(
    "unjam_pool_size",
    "unjam.pool.size",
    "gauge",
    "{thread}",
    ("pool",),
    "How many calls the pool can run at a time.",
    merge="sum",
)
POOL_BUSY = Metric(
    "unjam_pool_busy",
    "unjam.pool.busy",
    "gauge",
    "{thread}",
    ("pool",),
    "Calls that run in the pool now.",
    merge="sum",
)
POOL_QUEUE = Metric(
    "unjam_pool_queue",
    "unjam.pool.queue",
    "gauge",
    "{call}",
    ("pool",),
    "Calls that wait for a free place in the pool now.",
    merge="sum",
)
POOL_OLDEST = Metric(
    "unjam_pool_oldest_wait_seconds",
    "unjam.pool.oldest_wait",
    "gauge",
    "s",
    ("pool",),
    "How long the first call in the queue of the pool has waited, looked at once a second.",
    merge="max",
)
POOL_WAIT = Metric(
    "unjam_pool_wait_seconds",
    "unjam.pool.wait",
    "histogram",
    "s",
    ("pool",),
    "How long calls waited for a free place in the pool.",
)
LOST = Metric(
    "unjam_events_lost_total",
    "unjam.events.lost",
    "counter",
    "{event}",
    (),
    "Events that unjam could not keep: above 0 the counts of stalls and timeouts are too low.",
)

METRICS = (
    DELAY,
    DELAY_MAX,
    AWAY,
    UTILIZATION,
    TIME,
    BLOCKED,
    STALLS,
    STALL_TIME,
    TIMEOUTS,
    POOL_SIZE,
    POOL_BUSY,
    POOL_QUEUE,
    POOL_OLDEST,
    POOL_WAIT,
    LOST,
)
