"""The log-linear histogram of turn lengths, as `stats` events carry it: mergeable by adding, read by percentile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeAlias

Buckets: TypeAlias = Counter[int]
"""Counts by bucket number; docs/recording.md defines the numbering."""

UNIT_NS = 1024
"""Nanoseconds of one unit of a bucket: turns shorter than that are all in bucket 0."""
SUB_BUCKETS = 16
"""Buckets for each power of two: a percentile is right to one sixteenth of its value."""
_SUB_BITS = 4


def merged(parts: Iterable[Mapping[int, int]]) -> Buckets:
    """The sum of several histograms."""
    total: Buckets = Counter()
    for part in parts:
        total.update(part)
    return total


def bucket_of(length_ns: int) -> int:
    """The bucket of a length."""
    units = max(0, length_ns) // UNIT_NS
    if units < SUB_BUCKETS:
        return units
    exponent = units.bit_length() - _SUB_BITS - 1
    return SUB_BUCKETS * (exponent + 1) + (units >> exponent) - SUB_BUCKETS


def upper_ns(bucket: int) -> int:
    """The length in nanoseconds below which everything in the bucket lies."""
    if bucket < SUB_BUCKETS:
        return (bucket + 1) * UNIT_NS
    exponent = bucket // SUB_BUCKETS - 1
    return (bucket % SUB_BUCKETS + SUB_BUCKETS + 1 << exponent) * UNIT_NS


def percentile_ns(buckets: Mapping[int, int], share: float) -> int | None:
    """The length that `share` (0 to 1) of all turns stay below; None where there were none."""
    total = sum(buckets.values())
    seen = 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        if total and seen >= share * total:
            return upper_ns(bucket)
    return None
