"""Pools as numbers for metrics: size, busy, queued and waits, summed up by a bounded set of names."""

from __future__ import annotations

from bisect import bisect_left

from unjam.probes.pool_state import UNLIMITED, WAIT_BOUNDS_NS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeAlias

    from unjam.probes.pool_state import PoolState

    Waits: TypeAlias = list[int]

MOST_NAMES = 20
"""Names told apart: a program has a handful of pools, and one that makes more names them by number."""

OTHER = "other"


class PoolTotal:
    """The pools of one name. `size` is None where one of them has no limit; `waits` and `waited_ns` are None where they are not counted.

    `size`, `busy`, `queued` and `oldest_ns` (the longest that anybody in a queue has waited) are of now, `waits` (counts by
    WAIT_BOUNDS_NS, one more for what is above) and `waited_ns` are since counting began.
    """

    __slots__ = ("busy", "name", "oldest_ns", "queued", "size", "waited_ns", "waits")

    def __init__(self, name: str) -> None:
        self.name = name
        self.size: int | None = 0
        self.busy = self.queued = self.oldest_ns = 0
        self.waits: list[int] | None = None
        self.waited_ns: int | None = None

    def add_now(self, *, limit: float | None, busy: int, queued: int, oldest_ns: int) -> None:
        """Add what one pool does now."""
        unlimited = self.size is None or limit is None or limit == UNLIMITED
        self.size = None if unlimited else int((self.size or 0) + (limit or 0))
        self.busy += busy
        self.queued += queued
        self.oldest_ns = max(self.oldest_ns, oldest_ns if queued else 0)

    def add_waits(self, waits: Iterable[int], waited_ns: int | None) -> None:
        """Add how long calls of one pool queued; a sum that is not known makes the whole sum unknown."""
        known = self.waits is None or self.waited_ns is not None
        self.waited_ns = (self.waited_ns or 0) + waited_ns if known and waited_ns is not None else None
        self.waits = [sum(pair) for pair in zip(self.waits or [0] * (len(WAIT_BOUNDS_NS) + 1), waits, strict=True)]


class PoolTotals:
    """The waits of pools that are gone, and the names that are told apart."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._gone: dict[str, tuple[Waits, int | None]] = {}
        self._bridges: dict[str, Waits] = {}

    def label(self, name: str) -> str:
        """The name under which a pool is told: without its number, and `other` for what comes after the first MOST_NAMES."""
        short = unnumbered(name)
        if short not in self._names and len(self._names) >= MOST_NAMES:
            return OTHER
        return self._names.setdefault(short, short)

    def keep(self, state: PoolState) -> None:
        """A pool is gone: its waits still count."""
        if state.waits is not None:
            self._keep(self.label(state.name), state.waits, state.waited_ns)

    def sums(self, living: Iterable[tuple[PoolState, int]], bridges: Iterable[Any]) -> list[PoolTotal]:
        """Sum up by name: the living pools, each with how many calls queue for it, those of unjam.bridge, and the gone."""
        bridges = list(bridges)
        self._keep_bridges(bridges)
        totals = {label: PoolTotal(label) for label in self._gone}
        for label, (waits, waited_ns) in self._gone.items():
            totals[label].add_waits(waits, waited_ns)
        for state, queued in living:
            total = self._total(totals, state.name)
            total.add_now(limit=state.limit, busy=len(state.running), queued=queued, oldest_ns=state.oldest_ns)
            if state.waits is not None:
                total.add_waits(state.waits, state.waited_ns)
        for pool in bridges:
            total = self._total(totals, pool.name)
            oldest_ns = round((pool.oldest_wait or 0.0) * 1e9)
            total.add_now(limit=pool.limit, busy=pool.busy, queued=pool.queued, oldest_ns=oldest_ns)
            total.add_waits(by_wait_bounds(pool.wait.counts), None)
        return list(totals.values())

    def _total(self, totals: dict[str, PoolTotal], name: str) -> PoolTotal:
        label = self.label(name)
        return totals.setdefault(label, PoolTotal(label))

    def _keep(self, label: str, waits: Waits, waited_ns: int | None) -> None:
        total = PoolTotal(label)
        for part in filter(None, (self._gone.get(label), (waits, waited_ns))):
            total.add_waits(*part)
        assert total.waits is not None
        self._gone[label] = total.waits, total.waited_ns

    def _keep_bridges(self, bridges: list[Any]) -> None:
        """A bridge pool that was closed takes its counts along: what it had told before goes on to count."""
        now: dict[str, Waits] = {}
        for pool in bridges:
            waits = by_wait_bounds(pool.wait.counts)
            others = now.get(pool.name, [0] * len(waits))
            now[pool.name] = [sum(pair) for pair in zip(waits, others, strict=True)]
        for name, before in self._bridges.items():
            present = now.get(name, [0] * len(before))
            lost = [max(0, was - is_now) for was, is_now in zip(before, present, strict=True)]
            if any(lost):
                self._keep(self.label(name), lost, None)
        self._bridges = now


def unnumbered(name: str) -> str:
    """A name without what the standard library, and most people, put behind it to tell pools of one kind apart: `-3`, `_7`."""
    bare = name.rstrip("0123456789")
    return (bare.rstrip("-_ ") if bare != name and bare.endswith(("-", "_", " ")) else name) or "unnamed"


def by_wait_bounds(powers: Iterable[int]) -> Waits:
    """Counts by powers of two (number n: [2**(n-1), 2**n) ns) in the buckets of WAIT_BOUNDS_NS: the first that surely holds them."""
    counts = [0] * (len(WAIT_BOUNDS_NS) + 1)
    for number, count in enumerate(powers):
        counts[bisect_left(WAIT_BOUNDS_NS, 1 << number)] += count
    return counts
