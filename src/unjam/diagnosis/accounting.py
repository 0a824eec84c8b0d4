"""Where the time of one stall went: wall = CPU + kernel + GIL + run queue + unexplained, never negative, always adding up.

CPU time and run-queue delay are counters of the kernel and exact; what remains of the wall time the thread waited. Whether it
waited for the GIL or for something else is told by the samples, in proportion. Where counters are missing the samples must do for
all of it, and what no sample tells stays unexplained. So does what may have been waited for a CPU before the stall as well as in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from unjam.diagnosis.events import LOOK_NS, Group, Stall, State
from unjam.model.findings import Accounted

FAST_NS = 1_000_000_000
SLOW_NS = 10_000_000_000
FAST_TICK_NS = LOOK_NS
SLOW_TICK_NS = 50_000_000
LAST_TICK_NS = 500_000_000
"""The watchdog samples each 10 ms in the first second of a stall, each 50 ms up to ten seconds, each 500 ms from then on."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Nanoseconds of one stretch of time by where they went; None is "not measured"."""

    cpu: float | None
    kernel: float | None
    gil: float | None
    runqueue: float | None
    unexplained: float

    @property
    def total(self) -> float:
        """All of it."""
        return (self.cpu or 0) + (self.kernel or 0) + (self.gil or 0) + (self.runqueue or 0) + self.unexplained

    def share(self, weights: Sequence[float]) -> Parts:
        """Scaled by one weight for each of cpu, kernel, gil, runqueue, unexplained."""
        cpu, kernel, gil, runqueue, unexplained = weights
        return Parts(
            _times(self.cpu, cpu),
            _times(self.kernel, kernel),
            _times(self.gil, gil),
            _times(self.runqueue, runqueue),
            self.unexplained * unexplained,
        )

    def plus(self, other: Parts) -> Parts:
        """Both together."""
        return Parts(
            _sum(self.cpu, other.cpu),
            _sum(self.kernel, other.kernel),
            _sum(self.gil, other.gil),
            _sum(self.runqueue, other.runqueue),
            self.unexplained + other.unexplained,
        )

    def less(self, other: Parts) -> Parts:
        """This without the other; never negative."""
        return Parts(
            _difference(self.cpu, other.cpu),
            _difference(self.kernel, other.kernel),
            _difference(self.gil, other.gil),
            _difference(self.runqueue, other.runqueue),
            max(0.0, self.unexplained - other.unexplained),
        )

    def milliseconds(self) -> Accounted:
        """As findings carry it."""
        return Accounted(
            kernel=_ms(self.kernel),
            cpu=_ms(self.cpu),
            gil=_ms(self.gil),
            runqueue=_ms(self.runqueue),
            unexplained=_ms(self.unexplained),
        )


NOTHING = Parts(None, None, None, None, 0.0)
_ORDER: tuple[State, ...] = ("cpu", "kernel", "gil", "ready", "unknown")
"""Which state of a sample tells which part, in the order of Parts."""


def weight_of(group: Group, stall: Stall) -> float:
    """How much time a group stands for, in an unspecified unit: samples become rarer as a stall grows older."""
    first, last = group.first - stall.start, max(group.first, group.last) - stall.start
    expected = _samples_until(last) - _samples_until(first)
    mean_gap = (last - first) / expected if expected >= 1 else tick_at(last)
    return (group.looks if group.count == 1 else group.count) * mean_gap


def _samples_until(age: int) -> float:
    fast = min(max(age, 0), FAST_NS) / FAST_TICK_NS
    slow = max(0, min(age, SLOW_NS) - FAST_NS) / SLOW_TICK_NS
    return fast + slow + max(0, age - SLOW_NS) / LAST_TICK_NS


def tick_at(age: int) -> float:
    """How far apart the watchdog means to look at a stall of that age, in nanoseconds."""
    return FAST_TICK_NS if age <= FAST_NS else SLOW_TICK_NS if age <= SLOW_NS else LAST_TICK_NS


def account(stall: Stall, states: Sequence[State], weights: Sequence[float]) -> Parts:
    """The parts of a stall, its suspension left out; `states` and `weights` are those of its sample groups."""
    wall = float(stall.length_ns - stall.suspended_ns - stall.unseen_ns)
    seen = {
        state: sum(weight for each, weight in zip(states, weights, strict=True) if each == state) for state in _ORDER
    }
    parts = _by_samples(wall, seen) if stall.cpu_ns is None else _by_counters(stall, wall, seen)
    return replace(parts, unexplained=parts.unexplained + stall.unseen_ns)


def unsure_ns(stall: Stall) -> float:
    """For how long of a stall nobody can tell whether its thread was given no CPU, or waited for something else."""
    if stall.cpu_ns is None:
        return 0.0
    known = stall.cpu_ns + (stall.runqueue_ns or 0) + stall.suspended_ns + stall.unseen_ns
    return float(max(0, min(stall.runqueue_unsure_ns, stall.length_ns - known)))


def _by_counters(stall: Stall, wall: float, seen: dict[State, float]) -> Parts:
    cpu = min(float(stall.cpu_ns or 0), wall)
    runqueue = None if stall.runqueue_ns is None else min(float(stall.runqueue_ns), wall - cpu)
    unsure = unsure_ns(stall)
    parts = _split_wait(wall - cpu - (runqueue or 0.0) - unsure, seen, cpu=cpu, runqueue=runqueue)
    return replace(parts, unexplained=parts.unexplained + unsure)


def _by_samples(wall: float, seen: dict[State, float]) -> Parts:
    total = sum(seen.values())
    if not total:
        return Parts(None, None, None, None, wall)
    cpu, kernel, gil, ready, unknown = (wall * seen[state] / total for state in _ORDER)
    known = total > seen["unknown"]
    return Parts(cpu, kernel, gil, ready, unknown) if known else Parts(None, None, None, None, unknown)


def _split_wait(wait: float, seen: dict[State, float], *, cpu: float, runqueue: float | None) -> Parts:
    waits = seen["kernel"] + seen["gil"]
    if waits:
        return Parts(cpu, wait * seen["kernel"] / waits, wait * seen["gil"] / waits, runqueue, 0.0)
    told = bool(seen["cpu"] + seen["ready"])
    return Parts(cpu, 0.0 if told else None, 0.0 if told else None, runqueue, max(0.0, wait))


def divide(parts: Parts, states: Sequence[State], weights: Sequence[float]) -> list[Parts]:
    """What each group has of the parts: its own state's by weight, and of states that no group saw a share of everything."""
    if not weights:
        return []
    total = sum(weights)
    # Who wants a CPU and who has one are at the same work: both kinds of samples tell where it is. So do those of a thread of which it is
    # not known whether it wanted one.
    at_work: set[State] = {"cpu", "ready", "unknown"} if parts.runqueue is None else {"cpu", "ready"}
    columns = []
    for state in _ORDER:
        alike = at_work if state in {"cpu", "ready"} else {state}
        mine = [weight if each in alike else 0.0 for each, weight in zip(states, weights, strict=True)]
        own = sum(mine)
        columns.append([weight / own for weight in mine] if own else [weight / total for weight in weights])
    return [parts.share([column[index] for column in columns]) for index in range(len(weights))]


def _times(value: float | None, weight: float) -> float | None:
    return None if value is None else value * weight


def _sum(one: float | None, other: float | None) -> float | None:
    return (one or 0.0) + (other or 0.0) if one is not None or other is not None else None


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None else max(0.0, one - (other or 0.0))


def _ms(value: float | None) -> float | None:
    return None if value is None else round(value / 1e6, 3)
