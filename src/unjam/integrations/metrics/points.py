"""From readings to the values of the catalogue: what a scrape or a collection hands on. What is not measured is not there."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from unjam.integrations.metrics import catalogue
from unjam.integrations.metrics.catalogue import DELAY_BOUNDS_S, Metric
from unjam.integrations.metrics.reading import LoopSum, Reading, busy_share, longest_since
from unjam.model.histogram import upper_ns
from unjam.probes.pool_state import WAIT_BOUNDS_NS
from unjam.probes.pool_totals import PoolTotal

_DELAY_BOUNDS_NS = tuple(round(bound * 1e9) for bound in DELAY_BOUNDS_S)


class Distribution(NamedTuple):
    """A histogram: `counts` between the `bounds` (seconds), one more for what is above; `total` in seconds, None: not measured."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float | None
    longest: float | None = None


def bound_text(bound: float) -> str:
    """A bound as the label `le` has it, and as prometheus_client writes those of its own histograms."""
    return "+Inf" if math.isinf(bound) else repr(bound)


class Point(NamedTuple):
    """One value of one metric; `labels` in the order of the metric's."""

    metric: Metric
    labels: tuple[str, ...]
    value: float | Distribution


def points(now: Reading, before: Reading | None) -> list[Point]:
    """All values of a reading; what is "since the last scrape" is since `before`, or since the beginning."""
    return [point for source in _SOURCES for point in source(now, before)]


def _loops(now: Reading, before: Reading | None) -> Iterator[Point]:
    del before
    for name, loop in now.loops.items():
        if loop.lag:
            yield Point(catalogue.DELAY, (name,), delays(loop))
        if loop.away_now_ns is not None:
            yield Point(catalogue.AWAY, (name,), loop.away_now_ns / 1e9)
        if loop.active_ns is not None:
            active_ns = min(loop.active_ns, loop.alive_ns)
            yield Point(catalogue.TIME, (name, "active"), active_ns / 1e9)
            yield Point(catalogue.TIME, (name, "idle"), (loop.alive_ns - active_ns) / 1e9)


def _since(now: Reading, before: Reading | None) -> Iterator[Point]:
    for name, loop in now.loops.items():
        longest_ns = longest_since(loop, before.loops.get(name) if before else None)
        if longest_ns is not None:
            yield Point(catalogue.DELAY_MAX, (name,), longest_ns / 1e9)
    shares: dict[str, float] = {}
    for number, (name, loop) in now.living.items():
        _, earlier = (before.living if before else {}).get(number, (name, None))
        share = busy_share(loop, earlier)
        if share is not None:
            shares[name] = max(share, shares.get(name, 0.0))
    for name, share in shares.items():
        yield Point(catalogue.UTILIZATION, (name,), share)


def _stalls(now: Reading, before: Reading | None) -> Iterator[Point]:
    del before
    known = (catalogue.CAUSES, catalogue.FAULTS) if now.is_watched else ((), ())
    # What has not happened yet is told as 0, where somebody watches: without it the first one is no increase.
    for metric, labels, counts in (
        (catalogue.STALLS, known[0], now.stalls),
        (catalogue.TIMEOUTS, known[1], now.timeouts),
    ):
        yield from (
            Point(metric, (label,), float(count)) for label, count in ({**dict.fromkeys(labels, 0), **counts}).items()
        )
    for metric, labels, times in (
        (catalogue.BLOCKED, known[0], now.blocked_ns),
        (catalogue.STALL_TIME, (), now.stall_ns),
    ):
        yield from (
            Point(metric, (label,), ns / 1e9) for label, ns in ({**dict.fromkeys(labels, 0.0), **times}).items()
        )
    if now.lost is not None:
        yield Point(catalogue.LOST, (), float(now.lost))


def _pools(now: Reading, before: Reading | None) -> Iterator[Point]:
    del before
    for pool in now.pools:
        name = (pool.name,)
        if pool.size is not None:
            yield Point(catalogue.POOL_SIZE, name, float(pool.size))
        yield Point(catalogue.POOL_BUSY, name, float(pool.busy))
        yield Point(catalogue.POOL_QUEUE, name, float(pool.queued))
        yield Point(catalogue.POOL_OLDEST, name, pool.oldest_ns / 1e9)
        if pool.waits is not None:
            yield Point(catalogue.POOL_WAIT, name, waits(pool))


_SOURCES: tuple[Callable[[Reading, Reading | None], Iterator[Point]], ...] = (_loops, _since, _stalls, _pools)


def delays(loop: LoopSum) -> Distribution:
    """Turn lengths by DELAY_BOUNDS_S: a turn counts below a bound if it surely was, so a bound is right to a sixteenth."""
    counts = _rebucketed(loop.lag)
    longest = None if loop.longest_ns is None else loop.longest_ns / 1e9
    return Distribution(DELAY_BOUNDS_S, counts, loop.ended_ns / 1e9, longest)


def waits(pool: PoolTotal) -> Distribution:
    """Waits for a pool by the bounds of the probe."""
    total = None if pool.waited_ns is None else pool.waited_ns / 1e9
    return Distribution(tuple(bound / 1e9 for bound in WAIT_BOUNDS_NS), tuple(pool.waits or ()), total)


def _rebucketed(lag: Mapping[int, int]) -> tuple[int, ...]:
    counts = [0] * (len(_DELAY_BOUNDS_NS) + 1)
    for bucket, count in lag.items():
        counts[bisect_left(_DELAY_BOUNDS_NS, upper_ns(bucket))] += count
    return tuple(counts)
