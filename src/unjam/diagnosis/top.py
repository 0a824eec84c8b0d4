"""Pictures of the live view from pairs of answers: pure, so that a test needs no clock and no process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from unjam.model.findings import Location
from unjam.model.histogram import percentile_ns
from unjam.model.live import LoopRow, PoolRow, StallRow, TopView
from unjam.model.origins import Origins

SORTS: Final = ("busy", "away", "p99", "pid")
MOST_STALLS: Final = 20

Answers = Mapping[int, tuple[Mapping[str, Any] | None, Mapping[str, Any]]]
"""By pid: the answer before (None the first time) and the present one."""


def picture(
    answers: Answers, programs: Mapping[int, str], *, sort: str = "busy", silent: Mapping[int, str] | None = None
) -> TopView:
    """Join the answers of all processes to one picture, its loops in the order of `sort`."""
    loops = [row for pid, pair in answers.items() for row in _loops(pid, programs.get(pid, ""), *pair)]
    stalls = [row for pid, (_, now) in answers.items() for row in _stalls(pid, now)]
    tasks: Counter[tuple[str, str]] = Counter()
    for _, now in answers.values():
        for state, coroutine, count in now.get("tasks", ()):
            tasks[str(state), str(coroutine)] += int(count)
    pools = [
        PoolRow(
            pid,
            str(p.get("name", "")),
            p.get("busy", p.get("borrowed")),
            p.get("limit", p.get("tokens")),
            p.get("queued"),
        )
        for pid, (_, now) in answers.items()
        for p in now.get("pools", ())
    ]
    return TopView(
        loops=tuple(sorted(loops, key=lambda row: _key(row, sort))),
        stalls=tuple(sorted(stalls, key=lambda row: row.ago_s)[:MOST_STALLS]),
        pools=tuple(sorted(pools, key=lambda pool: -(pool.queued or 0))),
        tasks=tuple((count, state, coroutine) for (state, coroutine), count in tasks.most_common()),
        task_count=sum(int(now.get("task_count", 0)) for _, now in answers.values()),
        threads=sum(int(now.get("threads", 0)) for _, now in answers.values()),
        silent=dict(silent or {}),
    )


def _key(row: LoopRow, sort: str) -> tuple[float, int]:
    value = {"busy": row.busy_percent, "away": row.away_ms, "p99": row.p99_ms, "pid": None}[sort]
    return (-(value or 0.0), row.pid)


def _loops(pid: int, program: str, before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> Iterable[LoopRow]:
    earlier = {loop["loop"]: loop for loop in (before or {}).get("loops", ())}
    for loop in now.get("loops", ()):
        past = earlier.get(loop["loop"], {})
        lag = _new_turns(past, loop)
        alive = loop.get("alive_ns", 0) - past.get("alive_ns", 0)
        away = None if loop.get("away_ns") is None else loop["away_ns"] - (past.get("away_ns") or 0)
        p99, longest = percentile_ns(lag, 0.99), percentile_ns(lag, 1.0)
        since = loop.get("away_since_ns")
        yield LoopRow(
            pid=pid,
            program=program,
            thread=str(loop.get("thread", "")),
            busy_percent=None if away is None or alive <= 0 else max(0.0, min(100.0, 100 * away / alive)),
            p99_ms=None if p99 is None else p99 / 1e6,
            longest_ms=None if longest is None else longest / 1e6,
            away_ms=None if since is None else max(0.0, (now["t"] - since) / 1e6),
            place=_place(now, _open_stall(now, loop["loop"])) if since is not None else None,
            over_s=alive / 1e9,
        )


def _new_turns(before: Mapping[str, Any], now: Mapping[str, Any]) -> Counter[int]:
    lag = Counter({int(bucket): int(count) for bucket, count in (now.get("lag") or {}).items()})
    lag.subtract({int(bucket): int(count) for bucket, count in (before.get("lag") or {}).items()})
    return +lag


def _open_stall(now: Mapping[str, Any], loop: int) -> Mapping[str, Any] | None:
    stalls = [e for e in now.get("events", ()) if e.get("e") == "stall" and e.get("loop") == loop]
    return stalls[-1] if stalls and stalls[-1].get("t1") is None else None


def _stalls(pid: int, now: Mapping[str, Any]) -> Iterable[StallRow]:
    for event in now.get("events", ()):
        if event.get("e") == "stall":
            end = event["t1"] if event.get("t1") is not None else now["t"]
            length = (end - event["t0"]) / 1e6
            place, leaf = _place(now, event), _leaf(now, event)
            leaf = "" if place is not None and place.function == leaf else leaf
            yield StallRow(pid, (now["t"] - event["t0"]) / 1e9, length, event.get("t1") is not None, place, leaf)


def _frames(now: Mapping[str, Any], stall: Mapping[str, Any] | None) -> list[Any]:
    """Return the stack of the sample group that was seen most often, outermost first."""
    groups = [group for group in (stall or {}).get("samples", ()) if group.get("stack") is not None]
    if not groups:
        return []
    number = max(groups, key=lambda group: group.get("n", 0))["stack"]
    return next((e["f"] for e in now["events"] if e.get("e") == "stack" and e.get("id") == number), [])


def _place(now: Mapping[str, Any], stall: Mapping[str, Any] | None) -> Location | None:
    origins = Origins.of(now.get("header") or {})
    own = [frame for frame in _frames(now, stall) if origins.owner(frame[0], frame[2]) == "user"]
    return Location(own[-1][0], own[-1][1], own[-1][2]) if own else None


def _leaf(now: Mapping[str, Any], stall: Mapping[str, Any]) -> str:
    frames = _frames(now, stall)
    return str(frames[-1][2]) if frames else ""
