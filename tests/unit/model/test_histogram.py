"""The histogram of turn lengths."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from unjam.model.histogram import UNIT_NS, bucket_of, merged, percentile_ns, upper_ns


@given(st.integers(0, 10**15))
def test_a_value_lies_below_the_upper_end_of_its_bucket(length):
    """No value is at or above its bucket's end, and that end is at most a sixteenth (and a unit) too high."""
    upper = upper_ns(bucket_of(length))
    assert length < upper
    assert upper - length <= length / 16 + 2 * UNIT_NS


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_buckets_keep_order(one, other):
    """A longer turn never lies in a lower bucket."""
    assert (bucket_of(one) <= bucket_of(other)) == (bucket_of(one) == bucket_of(other) or one < other)


def test_the_numbering_is_that_of_the_recording():
    """docs/recording.md: units of 1,024 ns; 16 buckets of one unit, then 16 for each power of two."""
    assert [bucket_of(units * UNIT_NS) for units in (0, 15, 16, 17, 31, 32, 34, 64)] == [0, 15, 16, 17, 31, 32, 33, 48]


LENGTHS = st.lists(st.integers(0, 10**12), max_size=30)


@given(st.lists(LENGTHS, max_size=5), st.floats(0.01, 1))
def test_merging_loses_nothing(processes, share):
    """The histograms of several processes, merged, are the histogram of all their turns, whatever the order; so are its percentiles."""
    parts = [Counter(map(bucket_of, lengths)) for lengths in processes]
    everything = [length for lengths in processes for length in lengths]
    whole = Counter(map(bucket_of, everything))
    assert merged(parts) == merged(reversed(parts)) == merged([merged(parts[:2]), *parts[2:]]) == whole
    found = percentile_ns(merged(parts), share)
    assert found == percentile_ns(whole, share)
    if everything:
        true = sorted(everything)[max(0, math.ceil(share * len(everything)) - 1)]
        assert true < found <= true * 17 / 16 + 2 * UNIT_NS


def test_percentiles_of_merged_histograms():
    """Histograms merge by adding; a percentile is the end of the bucket that reaches the share."""
    both = merged([{0: 90}, {0: 5, 100: 5}])
    assert percentile_ns(both, 0.5) == UNIT_NS
    assert percentile_ns(both, 0.99) == upper_ns(100)
    assert percentile_ns({}, 0.5) is None
