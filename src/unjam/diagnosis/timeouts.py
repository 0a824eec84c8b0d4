"""UJ701: whose fault each timeout was. A verdict needs evidence; without it the answer is "cannot tell".

The window of a timeout is compared with the stalls of its loop and with the queue of the pool in which its call waited:

    reply already there when it fired, loop away in the window   the loop's fault    (proved)
    the call queued for at least half of the window               the pool's fault    (exact)
    loop away for at least half of the window                     the loop's fault    (inferred: the reply was not seen)
    loop free for at least 95 % of it, and nothing to read        the other side's
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from unjam.knowledge import index
from unjam.knowledge.remedies import REMEDIES
from unjam.model.findings import Evidence, Finding, Grade, Location, Remedy
from unjam.model.session import Event, Process
from unjam.model.timeouts import Fault, TimeoutGroup

RULE = "UJ701"

MOST_OF_IT = 0.5
"""A share of the window from which on what took it is to blame: less would have left the other side time to answer."""

FREE = 0.05
"""The loop counts as free when it was away for less than this share: what short turns take anywhere."""

MOST_BLAMED = 3


class Absence(NamedTuple):
    """One diagnosed stall: a loop was away from `t0` to `t1` (ns) because of `leaf` at `culprit`."""

    loop: int
    t0: int
    t1: int
    culprit: Location | None
    leaf: str


class _Case(NamedTuple):
    event: Event
    window: int
    away: int
    fault: Fault
    grade: Grade
    blamed: Counter[tuple[Location | None, str]]
    place: Location | None


def timeout_groups(
    process: Process, absences: Sequence[Absence], *, is_users: Callable[[str], bool], started_ns: int
) -> tuple[list[TimeoutGroup], list[Finding]]:
    """The timeouts of a process by kind, place and fault, and a finding for each group that was not the other side's."""
    grouped: dict[tuple[str, Location | None, Fault], list[_Case]] = defaultdict(list)
    for event in process.events:
        if event.get("e") == "timeout":
            case = _judge(event, absences, is_users)
            grouped[str(event.get("kind", "?")), case.place, case.fault].append(case)
    groups = [_group(process, kind, cases) for (kind, _, _), cases in grouped.items()]
    findings = [
        _finding(process, group, cases, started_ns)
        for group, cases in zip(groups, grouped.values(), strict=True)
        if group.fault in {Fault.LOOP, Fault.POOL}
    ]
    return sorted(groups, key=lambda group: -group.count), findings


def fault_of(event: Event, absences: Sequence[Absence]) -> Fault:
    """Whose fault one timeout was; `absences` are the stalls of its loop, whatever made them."""
    return _judge(event, absences, lambda _: False).fault


def _judge(event: Event, absences: Sequence[Absence], is_users: Callable[[str], bool]) -> _Case:
    t0, t1 = _number(event.get("t0")), _number(event.get("t1"))
    window = max(0, t1 - t0) if t0 else 0
    blamed: Counter[tuple[Location | None, str]] = Counter()
    for absence in absences:
        overlap = min(absence.t1, t1) - max(absence.t0, t0) if absence.loop == event.get("loop") else 0
        if window and overlap > 0:
            blamed[absence.culprit, absence.leaf] += overlap
    away = min(window, blamed.total())
    fault, grade = _fault(event, window, away)
    return _Case(event, window, away, fault, grade, blamed, _place(event, is_users))


def _fault(event: Event, window: int, away: int) -> tuple[Fault, Grade]:
    if not window:
        return Fault.UNKNOWN, Grade.UNKNOWN
    if event.get("answered") is True and away:
        return Fault.LOOP, Grade.PROVED
    if _number(event.get("pool_ns")) >= MOST_OF_IT * window:
        return Fault.POOL, Grade.EXACT
    if away >= MOST_OF_IT * window:
        return Fault.LOOP, Grade.INFERRED
    if away < FREE * window and event.get("answered") is False:
        return Fault.PEER, Grade.EXACT
    return Fault.UNKNOWN, Grade.UNKNOWN


def _place(event: Event, is_users: Callable[[str], bool]) -> Location | None:
    """The innermost await in the user's own code."""
    chain = event.get("chain")
    for entry in reversed(chain if type(chain) is list else []):
        if type(entry) is list and [type(part) for part in entry] == [str, int, str] and is_users(entry[0]):
            return Location(entry[0], entry[1], entry[2])
    return None


def _group(process: Process, kind: str, cases: list[_Case]) -> TimeoutGroup:
    first = cases[0]
    task = first.event.get("task")
    return TimeoutGroup(
        kind=kind,
        fault=first.fault,
        text=_text(cases),
        pid=process.pid,
        count=len(cases),
        coroutine=str(task.get("coroutine", "")) if type(task) is dict else "",
        place=first.place,
        window_ms=_mean([case.window for case in cases if case.window]),
        away_ms=_mean([case.away for case in cases if case.window]),
        queued_ms=_mean([queued for case in cases if type(queued := case.event.get("pool_ns")) is int]),
        answered=sum(case.event.get("answered") is True for case in cases),
        blamed=tuple(_blamed(cases)),
    )


def _text(cases: list[_Case]) -> str:
    window = _mean([case.window for case in cases]) or 0.0
    away = _mean([case.away for case in cases]) or 0.0
    fault = cases[0].fault
    if fault is Fault.LOOP:
        there = "; the reply was already there" if cases[0].event.get("answered") is True else ""
        return f"not the other side: the loop was away for {_seconds(away)} of {_seconds(window)}{there}"
    if fault is Fault.POOL:
        queued = _mean([_number(case.event.get("pool_ns")) for case in cases]) or 0.0
        return f"not the other side: the call queued behind a full pool for {_seconds(queued)} of {_seconds(window)}"
    if fault is Fault.PEER:
        free = 100 - 100 * away / window
        return f"the loop was free for {free:.1f} % of the wait: the other side was slow"
    return f"cannot tell: {_why_unknown(cases[0])}"


def _why_unknown(case: _Case) -> str:
    if not case.window:
        return "when it began was not measured"
    if case.event.get("answered") is None and case.away < FREE * case.window:
        return "the loop was free, but what was awaited is no stream that unjam can look into"
    return f"the loop was away for {_seconds(case.away / 1e6)} of {_seconds(case.window / 1e6)}, less than half"


def _blamed(cases: list[_Case]) -> Iterator[str]:
    total: Counter[tuple[Location | None, str]] = Counter()
    for case in cases:
        total.update(case.blamed)
    for (culprit, leaf), _ in total.most_common(MOST_BLAMED):
        yield f"{culprit.file}:{culprit.line} {leaf}".rstrip() if culprit else leaf or "unknown"


def _finding(process: Process, group: TimeoutGroup, cases: list[_Case], started_ns: int) -> Finding:
    rule = index.rule(RULE)
    worst = max(cases, key=lambda case: case.away)
    (culprit, leaf), _ = worst.blamed.most_common(1)[0] if worst.blamed else ((None, ""), 0)
    moments = [_number(case.event.get("t1")) - started_ns for case in cases]
    return Finding(
        rule=RULE,
        cause=rule.cause,
        grade=min(case.grade for case in cases),
        message=f"{group.kind} fired {group.count} time{'s' if group.count != 1 else ''}: {group.text}",
        culprit=culprit if group.fault is Fault.LOOP else group.place,
        leaf=leaf if group.fault is Fault.LOOP else group.kind,
        pid=process.pid,
        loop=_number(worst.event.get("loop")),
        count=group.count,
        total_ms=0.0,
        max_ms=max(case.window for case in cases) / 1e6,
        first_s=max(0.0, min(moments) / 1e9),
        last_s=max(0.0, max(moments) / 1e9),
        evidence=tuple(_evidence(group)),
        remedies=tuple(Remedy(REMEDIES[key].text, REMEDIES[key].cost) for key in rule.advice),
    )


def _evidence(group: TimeoutGroup) -> Iterator[Evidence]:
    if group.place:
        yield Evidence("timeout", f"it fired at {group.place.file}:{group.place.line} in {group.place.function}")
    if group.answered:
        yield Evidence("timeout", f"the reply was there when it fired, {group.answered} of {group.count} times")
    if group.queued_ms is not None:
        yield Evidence("pool", f"the awaited call queued for {_seconds(group.queued_ms)}")
    for blamed in group.blamed:
        yield Evidence("stall", f"the loop was away in {blamed}")


def _mean(values: list[int]) -> float | None:
    return sum(values) / len(values) / 1e6 if values else None


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1e3:.2f} s"


def _number(value: object) -> int:
    return value if type(value) is int else 0
