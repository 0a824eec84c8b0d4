"""Two looks at who waits for whom, a moment apart: only what did not move in between can be stuck."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from unjam.diagnosis.waits import stuck
from unjam.model.waits import compared

if TYPE_CHECKING:
    from unjam.model.waits import Graph
    from unjam.probes.waits import Collector

APART_S: Final = 0.2
"""Between two looks: long for a program that gets on, short for a person."""


def two_looks(collector: Collector, apart_s: float = APART_S) -> Graph:
    """Return the graph now, told what moved in the moment before.

    The second look is a whole collection only where something seemed stuck in the first one: in a large process it costs as
    much again.
    """
    first = collector.collect()
    suspicious = bool(stuck(first))
    time.sleep(apart_s)
    return compared(first, collector.collect()) if suspicious else collector.look_again(first)
