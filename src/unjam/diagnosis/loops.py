"""What each loop did over its life: utilisation, lag, turns, steps, stalls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unjam.diagnosis import events
from unjam.diagnosis.case import Case, LoopLife
from unjam.diagnosis.events import Stall
from unjam.model.histogram import Buckets, percentile_ns
from unjam.model.session import Event, LoopReport


def reports_of(case: Case, stalls: Sequence[Stall]) -> list[LoopReport]:
    """One report for each loop of a process; a loop without a `stats` line was seen to run, and nothing of it was measured."""
    last: dict[int, Event] = {}
    for each in case.kind("stats"):
        number = events.integer(each.get("loop"))
        if number is not None:
            last[number] = each
    return [
        _report(case, life, last.get(life.number, {}), [each for each in stalls if each.loop == life.number])
        for life in case.loops.values()
    ]


def _report(case: Case, life: LoopLife, stats: Event, stalls: Sequence[Stall]) -> LoopReport:
    alive, away = _life(case, life, stats, stalls)
    lag = _lag(stats.get("lag"))
    longest = _longest(stats, stalls)
    watched = alive if alive is not None else max(0, (life.end or case.end) - life.start)
    return LoopReport(
        pid=case.process.pid,
        loop=life.number,
        thread=life.thread,
        type=life.type,
        tier=case.tier,
        watched_s=round(watched / 1e9, 6),
        away_percent=round(100 * min(away, alive) / alive, 2) if away is not None and alive else None,
        turns=events.time_ns(stats.get("turns")),
        steps=events.time_ns(stats.get("steps")),
        lag_p50_ms=_ms(_percentile(lag, 0.5, longest)),
        lag_p99_ms=_ms(_percentile(lag, 0.99, longest)),
        lag_max_ms=_ms(longest),
        longest_step_ms=_ms(events.time_ns(stats.get("longest_step_ns"))),
        stalls=len(stalls),
        stalled_ms=round(sum(stall.length_ns for stall in stalls) / 1e6, 3),
    )


def _longest(stats: Event, stalls: Sequence[Stall]) -> int | None:
    """The longest turn: one that had no end is not among those that were counted."""
    counted = events.time_ns(stats.get("longest_turn_ns"))
    return None if counted is None else max(counted, *(stall.length_ns for stall in stalls if not stall.ended), 0)


def _life(case: Case, life: LoopLife, stats: Event, stalls: Sequence[Stall]) -> tuple[int | None, int | None]:
    """How long the loop ran and was away. After the last word of a killed process it waited, but for a stall that had no end."""
    alive, away = events.time_ns(stats.get("alive_ns")), events.time_ns(stats.get("away_ns"))
    told, killed = events.time_ns(stats.get("t")), case.end if case.process.killed else None
    if alive is None or away is None or told is None or killed is None or life.end is not None or killed <= told:
        return alive, away
    held = max((stall.end - max(stall.start, told) for stall in stalls if not stall.ended), default=0)
    return alive + killed - told, away + max(0, held)


def _percentile(lag: Buckets, share: float, longest: int | None) -> int | None:
    """A percentile, which is the upper end of a bucket, cut to the longest turn that there was."""
    value = percentile_ns(lag, share)
    return value if value is None or longest is None else min(value, longest)


def _lag(value: object) -> Buckets:
    lag = Buckets()
    for bucket, count in value.items() if isinstance(value, Mapping) else ():
        known = isinstance(bucket, str) and bucket.isdecimal() and len(bucket) < 4  # noqa: PLR2004 -- ten years are bucket 800
        number = events.time_ns(count)
        if known and number:
            lag[int(bucket)] += number
    return lag


def _ms(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else round(nanoseconds / 1e6, 3)
