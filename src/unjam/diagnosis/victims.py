"""Who had to wait for a stall: tasks, timers, callbacks, and the requests that a server or our middleware names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from unjam.diagnosis import events
from unjam.diagnosis.case import Case
from unjam.diagnosis.events import Stall
from unjam.model.findings import Evidence, TaskName, Victim
from unjam.model.session import Event

MOST_VICTIMS = 20
"""Victims kept of a finding, the worst; `victim_count` counts all."""
SLACK_NS = 1_000_000
"""A stall begins with its turn, a request's hold of the loop with its step: what lies between is the reading of two clocks."""


def victims_of(case: Case, stall: Stall) -> tuple[Victim, ...]:
    """Those that are named, the worst first; a request that was measured is not told again as one that the loop noted."""
    listed = events.mappings(case.victims.get(stall.number, {}).get("list"))
    measured = _late_at_once(
        _measured(each) for event in _requests(case, stall) for each in events.mappings(event.get("list"))
    )
    noted = [each for each in map(_noted, listed) if not measured or each.kind != "request"]
    return alike([*measured, *noted])


def victim_count(case: Case, stall: Stall, victims: Sequence[Victim]) -> int:
    """How many they were in all, at least."""
    counted = events.time_ns(case.victims.get(stall.number, {}).get("count")) or 0
    requests = max((events.time_ns(event.get("count")) or 0 for event in _requests(case, stall)), default=0)
    return max(sum(each.count for each in victims), counted, requests)


def holder_of(case: Case, stall: Stall, task: TaskName | None) -> Iterable[Evidence]:
    """The request whose step held the loop, where our middleware knows it, or where this task was seen to handle one during the stall."""
    measured = [events.text(event.get("holder")) for event in _requests(case, stall) if event.get("is_request") is True]
    seen = case.seen.get(stall.number)
    noted = [seen.request] if seen and seen.request and seen.task == task else []
    yield from (Evidence("request", f"in request {name}") for name in dict.fromkeys(measured) or noted)


def _late_at_once(victims: Iterable[Victim]) -> list[Victim]:
    """The requests of each route as those of the hold that made most of them late: who waits for one hold of a stall waits for the next, too."""
    routes: dict[str, Victim] = {}
    for each in victims:
        known = routes.setdefault(each.name, each)
        routes[each.name] = replace(
            known, count=max(known.count, each.count), delay_ms=max(known.delay_ms, each.delay_ms)
        )
    return list(routes.values())


def alike(victims: Iterable[Victim]) -> tuple[Victim, ...]:
    """Victims of one kind and name as one; whoever has a name that users know comes first, then by delay."""
    groups: dict[tuple[str, str], list[Victim]] = defaultdict(list)
    for each in victims:
        groups[each.kind, each.name].append(each)
    merged = [
        replace(max(each, key=lambda one: one.delay_ms), count=sum(one.count for one in each))
        for each in groups.values()
    ]
    return tuple(sorted(merged, key=lambda each: (each.kind == "callback", -each.delay_ms))[:MOST_VICTIMS])


def _requests(case: Case, stall: Stall) -> list[Event]:
    """The `request` events of steps within the stall."""
    return [
        each for each in case.kind("request") if events.integer(each.get("loop")) == stall.loop and _within(each, stall)
    ]


def _within(event: Event, stall: Stall) -> bool:
    start, end = events.time_ns(event.get("t0")), events.time_ns(event.get("t1"))
    known = start is not None and end is not None
    return known and stall.start - SLACK_NS <= (start or 0) and (end or 0) <= stall.end + SLACK_NS


def _measured(entry: Event) -> Victim:
    """One route of a `request` event."""
    delay = round((events.time_ns(entry.get("delay_ns")) or 0) / 1e6, 3)
    return Victim(
        "request", events.text(entry.get("name")) or "request", delay, max(1, events.time_ns(entry.get("n")) or 1)
    )


def _noted(entry: Event) -> Victim:
    """One entry of a `victims` event."""
    name = _name(events.text(entry.get("name")), events.text(entry.get("coroutine")))
    delay = round((events.time_ns(entry.get("delay_ns")) or 0) / 1e6, 3)
    return Victim(events.text(entry.get("kind")) or "task", name, delay)


def _name(name: str, coroutine: str) -> str:
    """The name that somebody gave, else the coroutine: "Task-7" tells nobody anything."""
    return coroutine if coroutine and (not name or re.fullmatch(r"Task-\d+", name)) else name
