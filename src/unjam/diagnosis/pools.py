"""Calls that queued behind a full pool (UJ601): how long, behind what, and who was kept waiting."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from unjam.diagnosis import events
from unjam.diagnosis.case import Case
from unjam.diagnosis.findings import remedies_of
from unjam.model.findings import Evidence, Finding, Grade, Location, Victim
from unjam.model.session import Event

DNS_CALLS = ("getaddrinfo", "getnameinfo", "gethostby")


def find(case: Case) -> Iterable[Finding]:
    """One finding for each pool that kept calls waiting for the threshold or longer; none for a pool that is merely busy."""
    calls: dict[str, list[Event]] = defaultdict(list)
    for each in case.kind("poolcall"):
        if (events.time_ns(each.get("queued_ns")) or 0) >= case.threshold_ns:
            calls[events.text(each.get("pool"))].append(each)
    states: dict[str, list[Event]] = defaultdict(list)
    for each in case.kind("pool"):
        if (events.time_ns(each.get("oldest_ns")) or 0) >= case.threshold_ns:
            states[events.text(each.get("pool"))].append(each)
    for name in dict.fromkeys([*calls, *states]):
        yield _finding(case, name, calls[name], states[name])


def _finding(case: Case, name: str, calls: Sequence[Event], states: Sequence[Event]) -> Finding:
    waits = [events.time_ns(each.get("queued_ns")) or 0 for each in calls] or [_oldest(states)]
    times = [events.time_ns(each.get("t")) or case.start for each in [*calls, *states]]
    leaf, culprit = _occupant(case, states)
    return Finding(
        rule="UJ601",
        cause="pool-wait",
        grade=Grade.EXACT if culprit else Grade.INFERRED,
        message="",
        culprit=culprit,
        leaf=leaf,
        thread=f"pool {name}" if name else "the pool",
        pid=case.process.pid,
        count=len(waits),
        total_ms=round(sum(waits) / 1e6, 3),
        max_ms=round(max(waits) / 1e6, 3),
        first_s=case.seconds(min(times)),
        last_s=case.seconds(max(times)),
        victims=tuple(_victims(calls)),
        victim_count=len(calls),
        evidence=tuple(_evidence(calls, states)),
        remedies=remedies_of("UJ601", None, leaf=leaf, function=culprit.function if culprit else ""),
    )


def _oldest(states: Sequence[Event]) -> int:
    return max((events.time_ns(each.get("oldest_ns")) or 0 for each in states), default=0)


def _occupant(case: Case, states: Sequence[Event]) -> tuple[str, Location | None]:
    """The call that most busy workers ran, and the user's place for it: its own, else where it was submitted."""
    ran: Counter[tuple[str, Location | None]] = Counter()
    for state in states:
        for worker in events.mappings(state.get("workers")):
            call = events.text(worker.get("call"))
            own = events.location([worker.get("file"), worker.get("line"), call])
            site = events.location(worker.get("site"))
            ran[call, next((place for place in (own, site) if case.is_user(place)), None)] += 1
    return ran.most_common(1)[0][0] if ran else ("", None)


def _victims(calls: Sequence[Event]) -> Iterable[Victim]:
    worst = sorted(calls, key=lambda each: -(events.time_ns(each.get("queued_ns")) or 0))[:20]
    for each in worst:
        yield Victim(
            "call", events.text(each.get("call")), round((events.time_ns(each.get("queued_ns")) or 0) / 1e6, 3)
        )


def _evidence(calls: Sequence[Event], states: Sequence[Event]) -> Iterable[Evidence]:
    if states:
        fullest = max(states, key=lambda each: events.time_ns(each.get("queued")) or 0)
        busy, limit = events.time_ns(fullest.get("busy")), events.time_ns(fullest.get("limit"))
        yield Evidence(
            "pool",
            f"{_or_unknown(busy)} of {_or_unknown(limit)} threads busy, {_or_unknown(events.time_ns(fullest.get('queued')))} calls queued",
        )
    if calls:
        queued = sum(events.time_ns(each.get("queued_ns")) or 0 for each in calls) / len(calls)
        ran = [ran for each in calls if (ran := events.time_ns(each.get("ran_ns"))) is not None]
        took = f", then ran for {sum(ran) / len(ran) / 1e6:.0f} ms" if ran else ""
        yield Evidence("pool", f"{len(calls)} calls queued for {queued / 1e6:.0f} ms on average{took}")
    names = [each for each in calls if any(dns in events.text(each.get("call")) for dns in DNS_CALLS)]
    if names:
        longest = max(events.time_ns(each.get("queued_ns")) or 0 for each in names)
        yield Evidence(
            "dns",
            f"{len(names)} name look-ups (getaddrinfo) queued behind other work, the longest for {longest / 1e6:.0f} ms",
        )


def _or_unknown(count: int | None) -> str:
    return "?" if count is None else str(count)
