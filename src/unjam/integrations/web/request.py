"""One request, as its middleware hands it to the program: its sums, who made it late, and whom it made late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unjam.model.findings import Finding

MOST_VICTIMS = 1_000
"""Requests remembered that one hold made late; those beyond it are counted only."""

MOST_CULPRITS = 16
"""Holds remembered for one request: a stream that lives for days meets many, and the later ones are the interesting ones."""

UNKNOWN = "something that is no request"


class Hold:
    """A stretch in which one step kept the loop: from when to when (ns on CLOCK_MONOTONIC), who, and whom it made late.

    It is `told` once its stall is over; of many in a row not each has a `finding`.
    """

    __slots__ = ("begin_ns", "end_ns", "finding", "late", "more_late", "name", "request", "told")

    def __init__(self, begin_ns: int, end_ns: int, request: Request | None, name: str) -> None:
        self.begin_ns, self.end_ns = begin_ns, end_ns
        self.request, self.name = request, name
        self.finding: Finding | None = None
        self.told = False
        self.late: dict[Request, int] = {}
        self.more_late = 0

    @property
    def length_ns(self) -> int:
        """How long it kept the loop."""
        return self.end_ns - self.begin_ns

    @property
    def holder(self) -> str:
        """Whose step it was: a request by its route, else a task or callback by its name."""
        return self.request.route if self.request is not None else self.name or UNKNOWN

    def delays_request(self, victim: Request, delay_ns: int) -> None:
        """Note that it made a request late by so much."""
        if victim in self.late or len(self.late) < MOST_VICTIMS:
            self.late[victim] = max(delay_ns, self.late.get(victim, 0))
        else:
            self.more_late += 1


@dataclass(frozen=True, slots=True)
class Late:
    """Who made a request late: `by` is a route, a task or a callback, `ms` at most how late it was made.

    `finding` says which line it was and what to do; it is None until the stall has been thought about, a tenth of a second
    after its end, and stays so below the monitor's threshold and where too many stalls follow each other for each to be thought about.
    """

    by: str
    ms: float
    finding: Finding | None


class Request:
    """The part of a request that is ours; sums and fields are kept by the engine's Tally, from which the tracker's type inherits, too.

    To be read in the request's own loop, or when it is over. `scope` is what the server knows of it, from which `name_of`
    takes the route; it is let go of at the end.
    """

    if not TYPE_CHECKING:  # it would take the fields for missing
        __slots__ = ()

    own_ns: int
    waited_ns: int | None
    timing: Callable[[], bytes]
    finish: Callable[[], None]
    holds: list[Hold] | None
    delays: list[tuple[Hold, int]] | None
    name: str | None
    scope: Any
    name_of: Callable[[Any], str]

    @property
    def route(self) -> str:
        """Method and route template, such as "GET /items/{id}"; never the path itself. It may be set."""
        if not self.name and self.scope is not None:
            return self.name_of(self.scope)
        return self.name or "request"

    @route.setter
    def route(self, name: str) -> None:
        self.name = name

    @property
    def own_ms(self) -> float:
        """Time its steps, and those of the tasks that it started, took on the loop so far."""
        return self.own_ns / 1e6

    @property
    def waited_ms(self) -> float | None:
        """Time for which it was ready, or at most so long, while others held the loop; None where that is not observed."""
        waited = self.waited_ns
        return None if waited is None else waited / 1e6

    @property
    def late(self) -> tuple[Late, ...]:
        """Who made it late by a fifth of the threshold (10 ms) or more at a time, worst first."""
        found = [Late(hold.holder, ns / 1e6, hold.finding) for hold, ns in self.delays or ()]
        return tuple(sorted(found, key=lambda late: -late.ms))

    @property
    def held_ms(self) -> float:
        """The longest single stretch for which it held the loop so far; 0 where none was a fifth of the threshold or longer."""
        return max((hold.length_ns for hold in self.holds or ()), default=0) / 1e6

    @property
    def made_late(self) -> int:
        """How many other requests it made late so far. They come to run after it, so this may grow when it is over."""
        holds = self.holds or ()
        return len({victim for hold in holds for victim in list(hold.late)}) + sum(hold.more_late for hold in holds)

    def fields(self) -> dict[str, Any]:
        """The flat fields that structured logs carry; times in milliseconds, null where not observed."""
        late = self.late
        culprit = late[0].finding.culprit if late and late[0].finding else None
        return {
            "route": self.route,
            "own_ms": round(self.own_ms, 3),
            "waited_ms": None if self.waited_ns is None else round(self.waited_ns / 1e6, 3),
            "late_by": late[0].by if late else None,
            "late_ms": round(late[0].ms, 3) if late else None,
            "late_file": culprit.file if culprit else None,
            "late_line": culprit.line if culprit else None,
            "held_ms": round(self.held_ms, 3),
            "made_late": self.made_late,
        }

    def add_delay(self, hold: Hold, delay_ns: int) -> None:
        """It was made late."""
        delays = self.delays = self.delays or []
        delays.append((hold, delay_ns))
        del delays[:-MOST_CULPRITS]

    def add_hold(self, hold: Hold) -> None:
        """It held the loop."""
        holds = self.holds = self.holds or []
        holds.append(hold)
        del holds[:-MOST_CULPRITS]

    def keep_name(self) -> None:
        """Keep its name, for which somebody may ask when the server's scope has been let go of."""
        self.name = self.route
