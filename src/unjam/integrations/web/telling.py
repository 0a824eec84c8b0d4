"""Once a stall has been thought about: its finding goes to the request that held the loop, to the log and to the recording."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from unjam.integrations.web.request import Hold
from unjam.model.findings import Finding
from unjam.model.session import Event
from unjam.monitor import Monitor
from unjam.telling import LineLimit, shortest

ROUTES_TOLD = 5
"""Routes named in one line of the log; the others are counted. The event of the recording has `ROUTES_WRITTEN`."""

ROUTES_WRITTEN = 20

SLACK_NS = 1_000_000
"""A stall begins with its turn, a hold with its step: what lies between is the rest of the turn, and the reading of two clocks."""

HoldsByLoop: TypeAlias = Callable[[], Mapping[int, Iterable[Hold]]]

logger = logging.getLogger("unjam.request")


class RequestTelling:
    """Listens to the findings of one monitor."""

    def __init__(self, watched: Monitor, holds: HoldsByLoop) -> None:
        self._monitor, self._holds = watched, holds
        self._limit = LineLimit()

    def judged(self, stall: Event, findings: tuple[Finding, ...]) -> None:
        """A stall is complete; called in the drainer's thread."""
        hold = self._hold_of(stall)
        if hold is not None:
            hold.finding = next((each for each in findings if each.culprit), findings[0] if findings else None)
            hold.told = True
            routes = Routes(hold)
            self._monitor.write(event_of(hold, stall["loop"], routes))
            self._log(hold, routes)

    def _hold_of(self, stall: Event) -> Hold | None:
        """The longest step of the stall: of that one the findings are true, if of any."""
        begin, end = stall["t0"] - SLACK_NS, stall["t1"] + SLACK_NS
        holds = [
            hold for hold in list(self._holds().get(stall["loop"], ())) if begin <= hold.begin_ns and hold.end_ns <= end
        ]
        longest = max(holds, key=lambda hold: hold.length_ns, default=None)
        if longest is None or longest.told or not (longest.late or longest.request):
            return None
        return longest

    def _log(self, hold: Hold, routes: Routes) -> None:
        remark = self._limit.remark()
        if remark is not None:
            logger.warning("%s%s", line(hold, routes), remark, extra={"unjam": fields(hold)})


class Routes:
    """Those whom a hold has made late by now, by their routes: to tell of one takes a look at its scope."""

    def __init__(self, hold: Hold) -> None:
        self.delays: dict[str, list[int]] = {}
        for victim, delay_ns in list(hold.late.items()):
            self.delays.setdefault(victim.route, []).append(delay_ns)

    @property
    def longest_ns(self) -> int:
        """By how much the latest of them was late; 0 for nobody."""
        return max((delay for delays in self.delays.values() for delay in delays), default=0)


def line(hold: Hold, routes: Routes) -> str:
    """One line: who held the loop, for how long, where, and whom it made late."""
    return f"{hold.holder} held the loop {hold.length_ns / 1e6:.0f} ms{_where(hold.finding)}, {_late(hold, routes)}"


def _where(finding: Finding | None) -> str:
    if finding is None:
        return ""
    culprit, leaf = finding.culprit, f" -> {finding.leaf}" if finding.leaf else ""
    place = f" at {shortest(culprit.file)}:{culprit.line} {culprit.function}" if culprit else ""
    return f"{place}{leaf} [{finding.rule or 'UJ'} {finding.cause}]"


def _late(hold: Hold, routes: Routes) -> str:
    counts = sorted(((route, len(each)) for route, each in routes.delays.items()), key=lambda one: -one[1])
    count = sum(number for _, number in counts) + hold.more_late
    if not count:
        return "no other request was late"
    told = ", ".join(f"{route} x{number}" if number > 1 else route for route, number in counts[:ROUTES_TOLD])
    others = f" and {len(counts) - ROUTES_TOLD} more routes" if len(counts) > ROUTES_TOLD else ""
    longest = routes.longest_ns / 1e6
    return f"{count} other request{'s' * (count > 1)} late by up to {longest:.0f} ms ({told}{others})"


def fields(hold: Hold) -> dict[str, Any]:
    """What is in that line, as fields; times in milliseconds."""
    late = list(hold.late.items())
    culprit = hold.finding.culprit if hold.finding is not None else None
    return {
        "holder": hold.holder,
        "held_ms": round(hold.length_ns / 1e6, 3),
        "made_late": len(late) + hold.more_late,
        "latest_ms": round(max((ns for _, ns in late), default=0) / 1e6, 3),
        "rule": hold.finding.rule if hold.finding is not None else None,
        "file": culprit.file if culprit else None,
        "line": culprit.line if culprit else None,
    }


def event_of(hold: Hold, loop: int, routes: Routes) -> dict[str, Any]:
    """The `request` event of docs/recording.md."""
    worst = sorted(routes.delays.items(), key=lambda route: -max(route[1]))[:ROUTES_WRITTEN]
    return {
        "e": "request",
        "t": time.monotonic_ns(),
        "loop": loop,
        "t0": hold.begin_ns,
        "t1": hold.end_ns,
        "holder": hold.holder,
        "is_request": hold.request is not None,
        "count": len(hold.late) + hold.more_late,
        "list": [{"name": route, "n": len(each), "delay_ns": max(each)} for route, each in worst],
    }


def wire(watched: Monitor, holds: HoldsByLoop) -> None:
    """Listen to this monitor; `holds` gives the holds of the present by loop."""
    telling = RequestTelling(watched, holds)
    watched.tell().judged.append(telling.judged)
