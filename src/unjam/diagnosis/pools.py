"""UJ601: calls that queued behind a full pool, what held its threads, and who waited."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from unjam.knowledge import index
from unjam.knowledge.remedies import REMEDIES
from unjam.model.findings import Evidence, Finding, Grade, Location, Remedy, Victim
from unjam.model.session import Event, Process

RULE = "UJ601"

MOST_NAMED = 5
"""Calls named as holders and as victims: who is behind them is counted, not listed."""

LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.getnameinfo"})
"""Name look-ups: queued in a pool they show as connect time-outs, which nobody looks for there."""

Call = tuple[str, str, int, tuple[str, int, str] | None]
"""Name, file and line of a call's definition, and the site that submitted it."""


@dataclass(slots=True)
class _Pool:
    """Everything one process said of one pool."""

    name: str
    kind: str = ""
    limit: int | None = None
    waited: Counter[Call] = field(default_factory=Counter)
    queued_ns: Counter[Call] = field(default_factory=Counter)
    longest_ns: dict[Call, int] = field(default_factory=lambda: defaultdict(int))
    ended_ns: Counter[Call] = field(default_factory=Counter)
    running: dict[tuple[str, int], tuple[Call, int]] = field(default_factory=dict)
    """What was seen to run by its thread and when it began, and for how long it had run when it was seen last."""
    worst: Event = field(default_factory=dict)
    first: int = 0
    last: int = 0

    def add(self, event: Event) -> None:
        """Take one `pool` or `poolcall` event in."""
        moment = _number(event.get("t"))
        since = min(moment, _number(event.get("since")) or moment)
        self.first, self.last = min(self.first or since, since), max(self.last, moment)
        if event.get("e") == "poolcall":
            self._add_call(event)
            return
        self.kind = str(event.get("kind", ""))
        self.limit = _number(event.get("limit")) or None
        if _number(event.get("oldest_ns")) >= _number(self.worst.get("oldest_ns")):
            self.worst = event
        ended = {_call(entry): _number(entry.get("ran_ns")) for entry in _entries(event.get("held"))}
        self.ended_ns.update(ended)
        ages = [(entry, _number(entry.get("age_ns"))) for entry in _entries(event.get("workers"))]
        now = {(str(entry.get("thread")), moment - age): (_call(entry), age) for entry, age in ages}
        # What ran before and runs no more is among those that have ended, with all of its time.
        gone = {key for key, (call, _) in self.running.items() if key not in now and call in ended}
        self.running = {key: each for key, each in self.running.items() if key not in gone} | now

    @property
    def held_ns(self) -> Counter[Call]:
        """For how long each call held threads: those that have ended, and so far those that had not."""
        held = Counter(self.ended_ns)
        for call, age in self.running.values():
            held[call] += age
        return held

    def _add_call(self, event: Event) -> None:
        call = _call(event)
        self.waited[call] += _number(event.get("n"))
        self.queued_ns[call] += _number(event.get("queued_ns"))
        self.longest_ns[call] = max(self.longest_ns[call], _number(event.get("longest_queued_ns")))


def pool_findings(process: Process, *, is_users: Callable[[str], bool], started_ns: int) -> list[Finding]:
    """One finding for each pool of the process that let anybody wait; `started_ns` is when the session began."""
    pools: dict[str, _Pool] = {}
    for event in process.events:
        if event.get("e") in {"pool", "poolcall"} and type(event.get("pool")) is str:
            pools.setdefault(event["pool"], _Pool(event["pool"])).add(event)
    return [_finding(pool, process, is_users, started_ns) for pool in pools.values()]


def _finding(pool: _Pool, process: Process, is_users: Callable[[str], bool], started_ns: int) -> Finding:
    held = pool.held_ns
    holder = max(held, key=lambda call: held[call], default=None)
    stuck_ns = _number(pool.worst.get("oldest_ns"))
    count = sum(pool.waited.values()) or _number(pool.worst.get("queued"))
    total_ns = sum(pool.queued_ns.values()) or stuck_ns
    rule = index.rule(RULE)
    return Finding(
        rule=RULE,
        cause=rule.cause,
        grade=Grade.EXACT if holder else Grade.UNKNOWN,
        message=_message(pool, holder, count, total_ns),
        culprit=_culprit(holder, is_users),
        leaf=holder[0] if holder else "",
        pid=process.pid,
        thread=pool.name,
        count=count,
        total_ms=total_ns / 1e6,
        max_ms=max([*pool.longest_ns.values(), stuck_ns], default=0) / 1e6,
        first_s=max(0.0, (pool.first - started_ns) / 1e9),
        last_s=max(0.0, (pool.last - started_ns) / 1e9),
        victims=tuple(_victims(pool)),
        victim_count=count,
        evidence=tuple(_evidence(pool)),
        remedies=tuple(Remedy(REMEDIES[key].text, REMEDIES[key].cost) for key in rule.advice),
    )


def _message(pool: _Pool, holder: Call | None, count: int, total_ns: int) -> str:
    size = f" ({pool.limit} thread{'s' if pool.limit != 1 else ''})" if pool.limit else ""
    waited = f"{count} call{'s' if count != 1 else ''} waited for a free thread of {pool.name}{size}, {_time(total_ns)} in all"
    if holder is None:
        return f"{waited}; what held the threads was not seen"
    share = round(100 * pool.held_ns[holder] / max(1, sum(pool.held_ns.values())))
    return f"{waited}; {share} % of the threads' time went to {holder[0]}"


def _culprit(holder: Call | None, is_users: Callable[[str], bool]) -> Location | None:
    """The user's function that holds the threads; for a library's, the user's line that submitted it."""
    if holder is None:
        return None
    name, file, line, site = holder
    if file and is_users(file):
        return Location(file, line, name.rpartition(".")[2])
    return Location(*site) if site and is_users(site[0]) else None


def _evidence(pool: _Pool) -> Iterator[Evidence]:
    if pool.worst:
        busy, queued = _number(pool.worst.get("busy")), _number(pool.worst.get("queued"))
        text = f"{busy} of {pool.limit or 'any number of'} threads busy, {queued} queued"
        oldest = _number(pool.worst.get("oldest_ns"))
        # Where it was looked at after the jam, how it was then says nothing of it.
        after = pool.limit and busy < pool.limit and not queued
        text = f"all {pool.limit} threads were busy while they waited" if after else text
        yield Evidence("pool", f"{text}, the oldest for {_time(oldest)}" if oldest else text)
    for call, spent in pool.held_ns.most_common(MOST_NAMED):
        yield Evidence("pool", f"{call[0]} held threads for {_time(spent)}{_submitted(call)}")
    for call, count in pool.waited.items():
        if call[0] in LOOKUPS:
            longest = _time(pool.longest_ns[call])
            yield Evidence("pool", f"name look-ups queued behind it: {call[0]}, {count} times, up to {longest}")


def _submitted(call: Call) -> str:
    return f", submitted at {call[3][0]}:{call[3][1]}" if call[3] else ""


def _victims(pool: _Pool) -> Iterator[Victim]:
    for call, _ in pool.queued_ns.most_common(MOST_NAMED):
        yield Victim("call", call[0], pool.longest_ns[call] / 1e6)


def _call(entry: Event) -> Call:
    site = entry.get("site")
    known = type(site) is list and [type(part) for part in site] == [str, int, str]
    place = (site[0], site[1], site[2]) if known and site else None
    return str(entry.get("call", "?")), str(entry.get("file") or ""), _number(entry.get("line")), place


def _entries(value: object) -> Iterable[Event]:
    return [entry for entry in value if type(entry) is dict] if type(value) is list else []


def _number(value: object) -> int:
    return value if type(value) is int else 0


def _time(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e9:.2f} s" if nanoseconds >= 1e9 else f"{nanoseconds / 1e6:.0f} ms"  # noqa: PLR2004 -- 1 s
