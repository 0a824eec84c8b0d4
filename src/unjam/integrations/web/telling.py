"""Once a stall has been thought about: its finding goes to the request that held the loop, to the log and to the recording."""

from __future__ import annotations

import logging
import time
from collections import deque
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

AFTER_NS = 50_000_000
"""So long after a hold those that it made late have begun, unless another hold came between: then so long after that one."""

LONGEST_WAIT_NS = 5_000_000_000
"""A hold is told of so long after its end, whoever holds the loop then: they may never let it go."""

LARGE_SHARE = 0.2
"""Of a stall: what is as large, and a stall by itself, has a finding of its own where another line did it (diagnosis/stalls.py)."""

HoldsByLoop: TypeAlias = Callable[[], Mapping[int, Iterable[Hold]]]

logger = logging.getLogger("unjam.request")


class RequestTelling:
    """Listens to the findings of one monitor."""

    def __init__(self, watched: Monitor, holds: HoldsByLoop, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._monitor, self._holds, self._clock = watched, holds, clock
        self._limit = LineLimit()
        self._due: deque[tuple[Hold, int]] = deque()

    def judged(self, stall: Event, findings: tuple[Finding, ...]) -> None:
        """A stall is complete; called in the drainer's thread."""
        holds = self._holds_of(stall)
        finding = next((each for each in findings if each.culprit), findings[0] if findings else None)
        longest = max(holds, key=lambda hold: hold.length_ns, default=None)
        for hold in holds:
            is_of_it = hold is longest or (len(findings) == 1 and hold.length_ns >= LARGE_SHARE * _length_ns(stall))
            if not hold.told and (hold.late or hold.request):
                hold.finding = finding if is_of_it else None
                hold.told = True
                self._due.append((hold, stall["loop"]))
        self.tell()

    def tell(self, *, all_of_it: bool = False) -> None:
        """Tell of the holds whose victims are all known by now; called every now and then."""
        for _ in range(len(self._due)):
            try:
                hold, loop = self._due.popleft()
            except IndexError:
                return  # the end of watching is at it, too
            if all_of_it or self._is_complete(hold, loop):
                routes = Routes(hold)
                self._monitor.write(event_of(hold, loop, routes))
                self._log(hold, routes)
            else:
                self._due.append((hold, loop))

    def finish(self) -> None:
        """Watching ends: tell what is known."""
        self.tell(all_of_it=True)

    def _holds_of(self, stall: Event) -> list[Hold]:
        """The steps of the stall that would have been one by themselves, and the longest one: of that the findings are true, if of any."""
        begin, end = stall["t0"] - SLACK_NS, stall["t1"] + SLACK_NS
        holds = [hold for hold in self._known(stall["loop"]) if begin <= hold.begin_ns and hold.end_ns <= end]
        longest = max((hold.length_ns for hold in holds), default=0)
        least = min(longest, self._monitor.settings.threshold_ns)
        return [hold for hold in holds if hold.length_ns >= least]

    def _is_complete(self, hold: Hold, loop: int) -> bool:
        """Whether those that became ready while it held the loop have begun: others may have held it right after, one after the other."""
        now, free_at = self._clock(), hold.end_ns
        for other in self._known(loop):
            if hold.end_ns <= other.begin_ns <= free_at + AFTER_NS:
                free_at = max(free_at, other.end_ns)
        if now - hold.end_ns >= LONGEST_WAIT_NS:
            return True
        away_since = self._away_since(loop)
        is_held = away_since is not None and away_since <= free_at + AFTER_NS and now - away_since >= AFTER_NS
        return now - free_at >= AFTER_NS and not is_held

    def _known(self, loop: int) -> list[Hold]:
        """The last holds of a loop, as they came; its thread adds to them meanwhile."""
        return list(self._holds().get(loop, ()))

    def _away_since(self, loop: int) -> int | None:
        engine = self._monitor.engine
        stats = engine.loop_stats(loop) if engine is not None else None
        return stats["away_since_ns"] if stats is not None else None

    def _log(self, hold: Hold, routes: Routes) -> None:
        remark = self._limit.remark()
        if remark is not None:
            logger.warning("%s%s", line(hold, routes), remark, extra={"unjam": fields(hold)})


def _length_ns(stall: Event) -> int:
    return int(stall["t1"] - stall["t0"])


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
        return "no other request is known to have been late"
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


def wire(watched: Monitor, holds: HoldsByLoop) -> Callable[[], None]:
    """Listen to this monitor; `holds` gives the holds of the present by loop. Returns what ends it, and forgets what is still to be told."""
    telling = RequestTelling(watched, holds)
    told = watched.tell()
    told.judged.append(telling.judged)
    told.finishing.append(telling.finish)
    watched.every_second.append(telling.tell)

    def end() -> None:
        listening: tuple[tuple[list[Any], Any], ...] = (
            (told.judged, telling.judged),
            (told.finishing, telling.finish),
            (watched.every_second, telling.tell),
        )
        for listeners, listener in listening:
            if listener in listeners:
                listeners.remove(listener)

    return end
