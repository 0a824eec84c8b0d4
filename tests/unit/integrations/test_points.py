"""Laws of the numbers: histograms keep their counts, maxima are since the look before, and what is not measured is missing."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unjam.integrations.metrics import catalogue
from unjam.integrations.metrics.catalogue import DELAY_BOUNDS_S, METRICS
from unjam.integrations.metrics.points import delays, points
from unjam.integrations.metrics.reading import LoopSum, Reading, busy_share, longest_since, summed
from unjam.integrations.metrics.window import Window
from unjam.model.histogram import bucket_of
from unjam.probes.pool_totals import PoolTotal

LENGTHS = st.lists(st.integers(0, 60_000_000_000), max_size=50)


def loop(*turns_ns, alive_ns=10**12, away_now_ns=0, measured=True):
    """A loop that has made turns of these lengths."""
    lag = {}
    for length in turns_ns:
        lag[bucket_of(length)] = lag.get(bucket_of(length), 0) + 1
    if not measured:
        return LoopSum(None, alive_ns, None, None, {})
    return LoopSum(sum(turns_ns) + away_now_ns, alive_ns, max(turns_ns, default=0), away_now_ns, lag)


def values(now, before=None):
    return {(point.metric.prometheus, *point.labels): point.value for point in points(now, before)}


@given(LENGTHS)
def test_a_delay_histogram_keeps_every_turn(lengths):
    """All turns are counted, none below a bound that it was not below, and none more than a sixteenth too high."""
    told = delays(loop(*lengths))
    assert sum(told.counts) == len(lengths)
    for number, bound in enumerate(DELAY_BOUNDS_S):
        below = sum(told.counts[: number + 1])
        assert sum(length < bound * 1e9 * 15 / 16 - 2048 for length in lengths) <= below
        assert below <= sum(length <= bound * 1e9 for length in lengths)


def test_a_maximum_is_since_the_look_before():
    """A turn that was told of is not told of again; without a look before it is since the beginning."""
    first, second = loop(300_000_000), loop(300_000_000, 20_000_000)
    assert longest_since(first, None) == 300_000_000
    assert 20_000_000 <= longest_since(second, first) <= 20_000_000 * 17 / 16
    assert longest_since(second, second) == 0


def test_a_maximum_holds_the_turn_that_goes_on():
    """A loop that hangs shows before it has ended."""
    assert longest_since(loop(20_000_000, away_now_ns=700_000_000), None) == 700_000_000


@given(LENGTHS, LENGTHS)
def test_a_maximum_is_right_to_a_sixteenth(before, after):
    """Never below the longest new turn, never above it by more than a bucket, never above the longest of all."""
    now, earlier = loop(*before, *after), loop(*before)
    longest = max(after, default=0)
    assert longest_since(now, earlier) <= max([*before, *after], default=0)
    assert min(longest, now.longest_ns) <= longest_since(now, earlier) <= longest * 17 / 16 + 1024


def test_utilisation_is_of_the_busiest_loop():
    """An idle loop beside a busy one hides nothing; one that did not live meanwhile has none."""
    idle, busy = loop(alive_ns=100), loop(30, 60, alive_ns=100)
    now = Reading(loops={"other": summed([idle, busy])}, living={1: ("other", idle), 2: ("other", busy)})
    assert values(now)[catalogue.UTILIZATION.prometheus, "other"] == 0.9
    assert busy_share(busy, busy) is None


def test_several_loops_add_up():
    """Time and turns are sums, the longest is the longest of all."""
    both = summed([loop(10, 20, alive_ns=100), loop(5_000_000, alive_ns=200, away_now_ns=7)])
    assert (both.active_ns, both.alive_ns, both.longest_ns, both.away_now_ns) == (5_000_037, 300, 5_000_000, 7)
    assert sum(both.lag.values()) == 3


def test_turns_that_are_not_seen_give_no_numbers_of_turns():
    """A tier that cannot see them tells stalls and nothing of turns; with one such loop among several their sum is not known."""
    unseen = loop(measured=False)
    told = values(Reading(loops={"main": unseen}, living={1: ("main", unseen)}))
    assert not [key for key in told if key[0].startswith("unjam_eventloop_")]
    assert told[catalogue.STALLS.prometheus, "sleep"] == 0.0
    assert summed([unseen, loop(5)]).active_ns is None


def test_where_nothing_is_watched_nothing_is_told():
    """Not even zeros."""
    assert points(Reading(), None) == []


def test_a_pool_without_a_limit_has_no_size():
    """Absent, not infinite."""
    pool = PoolTotal("endless")
    pool.add_now(limit=float("inf"), busy=3, queued=0, oldest_ns=0)
    told = values(Reading(pools=(pool,)))
    assert (catalogue.POOL_SIZE.prometheus, "endless") not in told
    assert told[catalogue.POOL_BUSY.prometheus, "endless"] == 3


def test_a_window_looks_back_as_far_as_it_is_told():
    """Over ten seconds, every look sees the same stall until it is ten seconds old; without a time only the first look does."""
    stalled, times = loop(300_000_000), []
    readings = [Reading(loops={"main": each}) for each in (loop(), *[stalled] * 5)]

    def maxima(over_s):
        times[:] = [0.0, 4.0, 8.0, 12.0, 16.0, 20.0]
        looks = iter(readings)
        window = Window(lambda: next(looks), over_s=over_s, clock=lambda: times.pop(0))
        told = [{point.metric: point.value for point in window.points()} for _ in readings]
        return [round(look[catalogue.DELAY_MAX], 1) for look in told]

    assert maxima(10.0) == [0.0, 0.3, 0.3, 0.3, 0.0, 0.0]
    assert maxima(None) == [0.0, 0.3, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.prometheus)
def test_names_keep_the_conventions(metric):
    """The unit is in Prometheus' name and not in OpenTelemetry's; counters end in _total; only gauges say how they merge."""
    assert metric.prometheus.startswith("unjam_")
    assert metric.otel.startswith("unjam.")
    assert metric.prometheus.endswith("_total") == (metric.kind == "counter")
    assert ("_seconds" in metric.prometheus) == (metric.unit == "s")
    assert bool(metric.merge) == (metric.kind == "gauge")


def test_bounds_rise():
    """A histogram's bounds are in order, and the default threshold is one of them."""
    assert all(low < high for low, high in pairwise(DELAY_BOUNDS_S))
    assert 0.05 in DELAY_BOUNDS_S
