"""What a process does now, from its answers: statistics, the last events, and a wait-for graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from unjam.diagnosis.diagnose import diagnose
from unjam.diagnosis.hang import is_library
from unjam.diagnosis.source import Provider
from unjam.model.findings import Location
from unjam.model.live import LoopNow, ProcessNow, Waiting
from unjam.model.session import Process, Recording
from unjam.model.waits import TURN, Edge, Graph, Node, from_json

MOST_STALLED: Final = 5
MOST_GROUPS: Final = 50


def process_now(before: Mapping[str, Any], now: Mapping[str, Any], process: Process, *, source: Provider) -> ProcessNow:
    """Join two answers of one process, `before` being the older, and its last events as a `process`."""
    graph = from_json(now["graph"])
    earlier = {loop["loop"]: loop for loop in before.get("loops", ())}
    open_stalls = {e["loop"]: e for e in process.events if e.get("e") == "stall" and e.get("t1") is None}
    loops = [_loop_now(graph, loop, earlier.get(loop["loop"]), now["t"]) for loop in now["loops"]]
    found = []
    for loop, stats in zip(loops, now["loops"], strict=True):
        stall = open_stalls.get(stats["loop"]) if loop.away_ms is not None else None
        findings = diagnose(_only(process, stall["id"]), source=source).findings if stall is not None else ()
        found.append(replace(loop, findings=findings))
    ended = diagnose(_without(process, {stall["id"] for stall in open_stalls.values()}), source=source)
    newest = sorted(ended.findings, key=lambda finding: -finding.last_s)
    files = {place.file for loop in found for place in ([loop.place] if loop.place else [])}
    files |= {finding.culprit.file for loop in found for finding in loop.findings if finding.culprit}
    header = process.header
    return ProcessNow(
        pid=int(now["pid"]),
        python=str(now["python"]),
        tier=str(header.get("tier", "")),
        threshold_ms=float(header.get("threshold_ns", 0)) / 1e6,
        loops=tuple(found),
        stalled=tuple(newest[:MOST_STALLED]),
        sources={file: lines for file in files if (lines := source(file))},
        not_observed=graph.not_observed,
    )


def _only(process: Process, stall: int) -> Recording:
    """Return the events of one stall, with the loops."""
    events = tuple(e for e in process.events if e.get("e") == "loop" or stall in {e.get("stall"), _id(e)})
    return Recording("", {}, (replace(process, events=events),))


def _without(process: Process, stalls: Iterable[int]) -> Recording:
    left_out = set(stalls)
    events = tuple(e for e in process.events if not left_out & {e.get("stall"), _id(e)})
    return Recording("", {}, (replace(process, events=events),))


def _id(event: Mapping[str, Any]) -> Any:
    return event.get("id") if event.get("e") == "stall" else None


def _loop_now(graph: Graph, loop: Mapping[str, Any], before: Mapping[str, Any] | None, t: int) -> LoopNow:
    since = loop.get("away_since_ns")
    out = graph.out()
    thread = _thread(graph, loop)
    node = _loop_node(graph, out, thread)
    stack = graph.stacks[thread.stack] if thread is not None and thread.stack >= 0 else ()
    own = [Location(*line) for line in stack if not is_library(line[0])]
    task = next(
        (n for n in _tasks(graph) if any(e.target == getattr(thread, "key", "") for e in out.get(n.key, ()))), None
    )
    waits = next((edge for edge in out.get(thread.key, ()) if thread is not None), None) if thread else None
    busy, over = _busy(before, loop)
    ever, _ = _busy(None, loop)
    return LoopNow(
        thread=str(loop.get("thread", "")),
        type=str(loop.get("type", "")),
        away_ms=None if since is None else max(0.0, (t - since) / 1e6),
        busy_percent=busy,
        busy_ever_percent=ever,
        over_s=over,
        longest_ms=None if loop.get("longest_turn_ns") is None else loop["longest_turn_ns"] / 1e6,
        place=own[-1] if own else None,
        stack=tuple(Location(*line) for line in stack),
        task=task.label if task else "",
        holds=f"{thread.label} {waits.verb} {graph.nodes[waits.target].label}" if thread and waits else "",
        ready=node.facts.get("queued") if node else None,
        waiting=_waiting(graph, out, node),
    )


def _busy(before: Mapping[str, Any] | None, loop: Mapping[str, Any]) -> tuple[float | None, float]:
    """Return the share of time in which the loop was away, and the seconds that it is about."""
    away, alive = loop.get("away_ns"), loop.get("alive_ns")
    if away is None or not alive:
        return None, 0.0
    if before is not None and before.get("away_ns") is not None:
        away -= before["away_ns"]
        alive -= before["alive_ns"]
    return (min(100.0, 100 * max(0, away) / alive) if alive > 0 else None), alive / 1e9


def _thread(graph: Graph, loop: Mapping[str, Any]) -> Node | None:
    return next(
        (n for n in graph.nodes.values() if n.kind == "thread" and n.facts.get("ident") == loop.get("ident")), None
    )


def _loop_node(graph: Graph, out: Mapping[str, list[Edge]], thread: Node | None) -> Node | None:
    loops = (node for node in graph.nodes.values() if node.kind == "loop")
    return next(
        (n for n in loops if thread is not None and any(e.target == thread.key for e in out.get(n.key, ()))), None
    )


def _tasks(graph: Graph) -> Iterable[Node]:
    return (node for node in graph.nodes.values() if node.kind == "task")


def _waiting(graph: Graph, out: Mapping[str, list[Edge]], loop: Node | None) -> tuple[Waiting, ...]:
    """Return the tasks of a loop, those that are ready to run first, equal ones as one group."""
    if loop is None:
        return ()
    groups: Counter[tuple[bool, str, str]] = Counter()
    for node in _tasks(graph):
        edges = out.get(node.key, ())
        if not any(edge.target == loop.key for edge in edges):
            continue
        what = next((graph.nodes[edge.target].label for edge in edges if edge.verb != TURN), "")
        groups[bool(what), str(node.facts.get("coroutine", "")), what] += 1
    ordered = sorted(groups.items(), key=lambda item: (item[0][0], -item[1]))
    return tuple(Waiting(count, coroutine, what) for (_, coroutine, what), count in ordered[:MOST_GROUPS])
