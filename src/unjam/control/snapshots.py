"""Two looks at who waits for whom, a moment apart: only what did not move in between can be stuck."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from unjam.diagnosis.waits import stuck
from unjam.model.waits import compared
from unjam.native.originals import sleep

if TYPE_CHECKING:
    from unjam.model.waits import Graph
    from unjam.probes.waits import Collector

APART_S: Final = 0.2
"""From the begin of one look to that of the next, both of which go through everything in the same order: long for a program that gets
on, short for a person."""
LEAST_S: Final = 0.05
"""From the end of one look to the begin of the next, where the first has taken long itself."""


def two_looks(collector: Collector, apart_s: float = APART_S) -> Graph:
    """Return the graph now, told what moved in the moment before.

    The second look is a whole collection only where something seemed stuck in the first one, and then doubts just that: in a
    large process each costs as much again. What seems stuck for the first time in the second look was not doubted, so it
    counts as having moved.
    """
    first = collector.collect()
    suspects = _stuck_keys(first)
    sleep(max(min(LEAST_S, apart_s), apart_s - (time.monotonic_ns() - first.t) / 1e9))
    if not suspects:
        return collector.look_again(first)
    second = compared(first, collector.collect(suspects=suspects))
    return replace(second, moved=second.moved | (_stuck_keys(second) - suspects))


def _stuck_keys(graph: Graph) -> frozenset[str]:
    reasons = stuck(graph)
    edges = {edge.source for reason in reasons for edge in (*reason.edges, *reason.beside)}
    return frozenset(
        edges.union(*(reason.also for reason in reasons), (edge.target for r in reasons for edge in r.edges))
    )
