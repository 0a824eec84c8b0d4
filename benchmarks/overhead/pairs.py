"""Paired rounds: each variant in turn, again and again, and the ratios of neighbours.

A machine that is shared gets faster and slower over seconds. What is compared is therefore measured within the same
second or two, in an order that changes from round to round, and only the ratios of one round are put together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Cost:
    """What one round took: seconds of CPU of the watched process, all its threads included, and of wall time."""

    cpu_s: float
    wall_s: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio to the bare program: the median over all rounds, and the middle half of them."""

    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        """As a table shows it."""
        return f"{self.middle:.3f} ({self.low:.3f}-{self.high:.3f})"


def rounds(names: Sequence[str], measure: Callable[[str], Cost], count: int) -> dict[str, list[Cost]]:
    """Measure each name once a round, beginning with another one each time; a first round warms up and is not kept."""
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for number in range(count + 1):
        first = number % len(names)
        for name in [*names[first:], *names[:first]]:
            cost = measure(name)
            if number:
                costs[name].append(cost)
    return costs


def ratios(costs: Sequence[float], base: Sequence[float]) -> Ratio:
    """Put the ratios of all rounds together."""
    each = [cost / bare for cost, bare in zip(costs, base, strict=True)]
    low, _, high = quantiles(each, n=4)
    return Ratio(median(each), low, high)
