"""Time-outs that fired: whose fault it was (UJ701 where it was ours).

A window is the time that was given. It was **ours** where the reply is known to have been there before the deadline, or where the
loop was away (or the call queued in a full pool) for most of it. It was **theirs** where the loop was free nearly all of it. In between
nobody can tell from outside, and it is said so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from unjam.diagnosis import events
from unjam.diagnosis.case import Case
from unjam.diagnosis.findings import remedies_of
from unjam.model.findings import Evidence, Finding, Grade, Location
from unjam.model.session import Event, Timeout

OURS = 0.8
"""The loop away for so much of a window: what was left was not a fair chance."""
THEIRS = 0.1
"""The loop away for no more than this: the other side had its time."""
FEW_CULPRITS = 3


@dataclass(frozen=True, slots=True)
class Away:
    """A stretch in which a loop was away, with the worst finding of it."""

    loop: int
    start: int
    end: int
    finding: Finding | None


def judge(case: Case, away: Sequence[Away]) -> list[tuple[Timeout, Finding | None]]:
    """Each time-out with its verdict; those that were ours with a finding."""
    return [judged for each in case.kind("timeout") if (judged := _judge(case, each, away))]


def _judge(case: Case, event: Event, away: Sequence[Away]) -> tuple[Timeout, Finding | None] | None:
    start = events.time_ns(event.get("t0"))
    end = events.time_ns(event.get("t1")) or events.time_ns(event.get("deadline"))
    if start is None or end is None or end <= start:
        return None
    loop = events.integer(event.get("loop")) or 0
    overlaps = [(each, min(each.end, end) - max(each.start, start)) for each in away if each.loop == loop]
    overlaps = sorted(((each, length) for each, length in overlaps if length > 0), key=lambda pair: -pair[1])
    away_ns, window = sum(length for _, length in overlaps), end - start
    pool = events.time_ns(event.get("pool_ns"))
    readable, deadline = events.time_ns(event.get("readable_ns")), events.time_ns(event.get("deadline")) or end
    proved = readable is not None and start <= readable < deadline and away_ns > 0
    ours = proved or max(away_ns, pool or 0) >= OURS * window
    theirs = not ours and max(away_ns, pool or 0) <= THEIRS * window
    timeout = Timeout(
        kind=events.text(event.get("kind")) or "time-out",
        site=events.location(event.get("site")),
        task=events.task_name(event.get("task")),
        verdict="ours" if ours else "theirs" if theirs else "unknown",
        text="",
        window_ms=round(window / 1e6, 3),
        away_ms=round(away_ns / 1e6, 3),
        pool_ms=None if pool is None else round(pool / 1e6, 3),
        culprits=tuple(dict.fromkeys(_place(each) for each, _ in overlaps if _place(each)))[:FEW_CULPRITS],
    )
    timeout = replace(
        timeout, text=_text(timeout, readable_ns=readable - start if proved and readable is not None else None)
    )
    return timeout, _finding(case, timeout, overlaps, start, proved=proved) if ours else None


def _place(away: Away) -> str:
    finding = away.finding
    if finding is None or finding.culprit is None:
        return finding.cause if finding else ""
    return f"{finding.culprit.file}:{finding.culprit.line}"


def _text(timeout: Timeout, *, readable_ns: int | None) -> str:
    window = f"{timeout.window_ms / 1000:.1f} s"
    if timeout.verdict == "ours":
        if (timeout.pool_ms or 0) > timeout.away_ms:
            return f"not the other side: the call queued in a full pool for {(timeout.pool_ms or 0) / 1000:.1f} of {window}"
        there = f"; the reply was there after {readable_ns / 1e6:.0f} ms" if readable_ns is not None else ""
        culprit = f", {timeout.culprits[0]}" if timeout.culprits else ""
        return f"not the other side: the loop was away for {timeout.away_ms / 1000:.1f} of {window}{culprit}{there}"
    if timeout.verdict == "theirs":
        free = 100 * (1 - timeout.away_ms / timeout.window_ms)
        return f"the loop was free for {free:.1f} % of the wait: the other side was slow"
    return f"cannot tell: the loop was away for {timeout.away_ms / 1000:.1f} of {window}, and the other side may have been slow as well"


def _finding(
    case: Case, timeout: Timeout, overlaps: Sequence[tuple[Away, int]], start: int, *, proved: bool
) -> Finding:
    cause = overlaps[0][0].finding if overlaps and (timeout.pool_ms or 0) <= timeout.away_ms else None
    place: Location | None = cause.culprit if cause else None
    return Finding(
        rule="UJ701",
        cause="false-timeout",
        grade=Grade.PROVED if proved else min(Grade.INFERRED, cause.grade if cause else Grade.INFERRED),
        message="",
        culprit=place,
        leaf=timeout.kind,
        task=timeout.task,
        thread=cause.thread if cause else "",
        pid=case.process.pid,
        loop=overlaps[0][0].loop if overlaps else 0,
        total_ms=timeout.window_ms,
        max_ms=timeout.window_ms,
        first_s=case.seconds(start),
        last_s=case.seconds(start),
        evidence=(Evidence("timeout", timeout.text),),
        remedies=remedies_of("UJ701", None, leaf=timeout.kind, function=place.function if place else ""),
    )


def grouped(timeouts: Iterable[Timeout]) -> tuple[Timeout, ...]:
    """Time-outs of one kind, place and verdict as one, with sums; most frequent first. The text is that of the longest."""
    groups: dict[object, list[Timeout]] = defaultdict(list)
    for each in timeouts:
        groups[each.kind, each.site, each.verdict, each.culprits[:1]].append(each)
    merged = [
        replace(
            max(group, key=lambda each: each.window_ms),
            count=len(group),
            window_ms=round(sum(each.window_ms for each in group), 3),
            away_ms=round(sum(each.away_ms for each in group), 3),
            pool_ms=_sum([each.pool_ms for each in group]),
        )
        for group in groups.values()
    ]
    return tuple(sorted(merged, key=lambda each: -each.count))


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known), 3) if known else None
