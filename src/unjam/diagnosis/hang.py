"""The verdict on a hung program: findings UJ801 to UJ805 in sentences, leads, and the waits that are nobody's fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from typing import Final, TypeAlias

from unjam.diagnosis.hang_fixes import fixes
from unjam.diagnosis.waits import Stuck, stuck
from unjam.errors import RecordingError
from unjam.model.findings import Evidence, Finding, Grade, Link, Location, TaskName
from unjam.model.origins import Origins
from unjam.model.session import Process
from unjam.model.waits import TURN, Edge, Graph, Node, Verdict, Wait, from_json

Place: TypeAlias = Callable[[Location], str]
"""How a place in source is written."""

MOST_WAITS: Final = 200
"""Waits listed that are no findings; the rest is counted by the graph."""

_ENDS: Final = {
    "timer": "ends when the time is over",
    "io": "ends when the other side answers",
    "process": "ends with it",
}
"""How a wait for the outside world ends, by kind of node."""

_ORIGINS: Final = Origins()


def full_place(place: Location) -> str:
    """Write a place with its whole path."""
    return f"{place.file}:{place.line} in {place.function}"


def verdict(graph: Graph, *, place: Place = full_place) -> Verdict:
    """Say what is stuck and why."""
    teller = _Teller(graph, place)
    every = stuck(graph)
    reasons = [reason for reason in every if reason.grade > Grade.SUSPECTED]
    findings = [teller.finding(reason) for reason in reasons]
    suspected = [teller.finding(reason) for reason in every if reason.grade <= Grade.SUSPECTED]
    members: dict[str, int] = {}
    for index, reason in enumerate(reasons):
        for key in (*reason.also, *(edge.source for edge in reason.edges)):
            members.setdefault(key, index)
    unmoved = graph.still()
    return Verdict(
        findings=tuple(findings),
        leads=(*[_as_lead(each) for each in suspected], *teller.leads(members, unmoved)),
        waits=tuple(islice(teller.waits(members, unmoved), MOST_WAITS)),
        stuck=members,
    )


def _as_lead(found: Finding) -> Finding:
    return replace(found, message=f"{found.message} This is a lead, not a proof.")


def dump_findings(process: Process, *, started_ns: int) -> list[Finding]:
    """Return what the graphs say that a hung process wrote by itself; a graph that cannot be read says nothing."""
    found: list[Finding] = []
    for event in process.events:
        if event.get("e") != "dump":
            continue
        try:
            graph = from_json(event["graph"])
            at = max(0.0, (int(event["t"]) - started_ns) / 1e9)
        except (KeyError, TypeError, ValueError, OverflowError, RecordingError):
            continue
        found += [replace(each, pid=process.pid, first_s=at, last_s=at) for each in verdict(graph).findings]
    return found


class _Teller:
    """Turns nodes and edges of one graph into sentences."""

    def __init__(self, graph: Graph, place: Place) -> None:
        self._graph = graph
        self._place = place
        self._out = graph.out()
        twice = Counter(node.label for node in graph.nodes.values())
        numbers: Counter[str] = Counter()
        self._labels: dict[str, str] = {}
        for node in graph.nodes.values():
            numbers[node.label] += 1
            plain = twice[node.label] == 1 or node.label.startswith("a ")
            self._labels[node.key] = node.label if plain else f"{node.label} #{numbers[node.label]}"

    def finding(self, reason: Stuck) -> Finding:
        """Return the finding for one reason."""
        closed = reason.edges[-1].target == reason.edges[0].source
        edges = _rotate(self._graph, reason.edges) if closed else reason.edges
        nodes = [self._graph.nodes[edge.source] for edge in edges] + [self._graph.nodes[edges[-1].target]]
        rule, cause = _rule(nodes)
        first = next(
            (edge for edge in edges if edge.site is not None and edge.source.startswith(("thread", "task"))), edges[0]
        )
        waiter = self._graph.nodes[first.source]
        kinds = Counter(self._graph.nodes[key].kind for key in reason.also)
        return Finding(
            rule=rule,
            cause=cause,
            grade=min(reason.grade, Grade.INFERRED) if rule == "UJ804" else reason.grade,
            message=self._message(rule, edges, reason, kinds),
            culprit=self.site(edges[-1] if rule == "UJ805" else first),
            leaf=first.why,
            chain=self._chain(waiter),
            task=_task(waiter),
            thread=waiter.label.removeprefix("thread ") if waiter.kind == "thread" else "",
            pid=self._graph.pid,
            evidence=tuple(
                Evidence("wait-for graph", f"{edge.grade.label}: {self.sentence(edge)}: {edge.why}") for edge in edges
            ),
            cycle=tuple(self.sentence(edge) for edge in (*edges, *reason.beside)),
            remedies=fixes(self._graph, edges),
            victim_count=kinds["task"] + kinds["thread"],
        )

    def _message(self, rule: str, edges: tuple[Edge, ...], reason: Stuck, kinds: Counter[str]) -> str:
        target = self._labels[edges[-1].target]
        behind = ", ".join(f"{n} {kind}{'s' if n > 1 else ''}" for kind in ("task", "thread") if (n := kinds[kind]))
        waiting = (
            f" {behind} wait{'s' if sum(kinds[k] for k in ('task', 'thread')) == 1 else ''} behind it."
            if behind
            else ""
        )
        if rule == "UJ805":
            lock = self._labels[edges[-1].source]
            return f"{lock} is held by {target} and will never be released.{waiting}"
        if rule == "UJ804":
            return f"{self._dead_queue(self._graph.nodes[_queue(self._graph, edges)])}{waiting}"
        sure = reason.grade >= Grade.EXACT
        end = "It cannot end by itself." if sure else "As far as can be seen it cannot end by itself."
        story = ", which ".join(f"{edge.verb} {self._labels[edge.target]}" for edge in edges)
        return f"{self._labels[edges[0].source]} {story}. {end}{waiting}"

    def _dead_queue(self, queue: Node) -> str:
        size, unfinished = queue.facts.get("size"), queue.facts.get("unfinished")
        label = self._labels[queue.key]
        if size == 0 and unfinished:
            return f"{label}: {unfinished} items were taken and never marked with task_done(), and nobody is left who could do so."
        return f"{label} holds {size} items, {unfinished} are not done, and no task or thread is left that could take them."

    def sentence(self, edge: Edge) -> str:
        """Write one edge with its line."""
        site = self.site(edge)
        where = f" at {self._place(site)}" if site else ""
        return f"{self._labels[edge.source]} {edge.verb} {self._labels[edge.target]}{where}"

    def site(self, edge: Edge) -> Location | None:
        """Return the user's own line of a wait: of a thread or a task the innermost such frame, else where it was seen."""
        if edge.site is None or edge.verb.startswith("is held") or not is_library(edge.site.file):
            return edge.site
        number = self._graph.nodes[edge.source].stack
        own = [line for line in self._graph.stacks[number] if not is_library(line[0])] if number >= 0 else []
        return Location(*own[-1]) if own else edge.site

    def _chain(self, node: Node) -> tuple[Link, ...]:
        stack = self._graph.stacks[node.stack] if node.stack >= 0 else ()
        return tuple(
            Link(file, line, function, "library" if is_library(file) else "user") for file, line, function in stack
        )

    def leads(self, members: dict[str, int], unmoved: frozenset[str]) -> Iterable[Finding]:
        """Yield futures that nothing known will set: a lead, never a proof."""
        for edge in self._graph.edges:
            target = self._graph.nodes[edge.target]
            orphan = (
                target.kind == "future" and target.facts.get("setter") == "unknown" and target.facts.get("users") == 0
            )
            waiter = self._graph.nodes[edge.source]
            if not orphan or edge.source in members or edge.ends_ms is not None or edge.source not in unmoved:
                continue
            if edge.site is None or is_library(edge.site.file) or waiter.kind not in {"task", "thread"}:
                continue
            label = self._labels[edge.target]
            yield Finding(
                rule="UJ803",
                cause="orphan-future",
                grade=Grade.SUSPECTED,
                message=f"{self._labels[edge.source]} waits for {label}, and nothing known will ever set it. This is a lead, not a proof.",
                culprit=edge.site,
                leaf=edge.why,
                chain=self._chain(waiter),
                task=_task(waiter),
                pid=self._graph.pid,
                evidence=(
                    Evidence("wait-for graph", "no callback, timer, task or thread that can be seen leads to it"),
                ),
                cycle=(self.sentence(edge),),
                remedies=fixes(self._graph, (edge,)),
            )

    def waits(self, members: dict[str, int], unmoved: frozenset[str]) -> Iterable[Wait]:
        """Yield the waits of threads and tasks that did not move and are not stuck."""
        for key, node in self._graph.nodes.items():
            if node.kind not in {"thread", "task"} or key in members or key not in unmoved:
                continue
            for edge in self._out.get(key, ())[:1]:
                if edge.verb not in {TURN, "runs on"}:
                    yield Wait(
                        self._labels[key], f"{edge.verb} {self._labels[edge.target]}", self.site(edge), self._ends(edge)
                    )

    def _ends(self, edge: Edge) -> str:
        target = self._graph.nodes[edge.target]
        if edge.ends_ms is not None:
            return (
                "ends by itself: it has a time-out"
                if edge.ends_ms < 0
                else f"ends by itself within {edge.ends_ms / 1e3:.1f} s"
            )
        doubt = target.facts.get("doubt")
        if doubt or target.kind in _ENDS:
            return f"may yet be ended: {doubt} can reach it" if doubt else _ENDS[target.kind]
        if target.kind == "lock" and target.facts.get("owner") == "unknown":
            return "the holder is not known: `unjam run --track-locks` records it"
        if target.kind == "lock" and target.facts.get("owner"):
            return "the holder is not certain: two seem to hold it"
        holders = [self._labels[out.target] for out in self._out.get(edge.target, ())]
        if holders:
            more = f" and {len(holders) - 2} more" if len(holders) > 2 else ""  # noqa: PLR2004
            return f"ends when {' or '.join(holders[:2])}{more} lets it go on"
        return "who will end it is not known"


def is_library(file: str) -> bool:
    """Say whether a file is not the user's own."""
    return _ORIGINS.owner(file) != "user"


def _rotate(graph: Graph, edges: tuple[Edge, ...]) -> tuple[Edge, ...]:
    """Begin a cycle with the thread of a loop, else a thread, else a task: that is where a reader looks first."""
    on_loop = {edge.target for edge in edges if graph.nodes[edge.source].kind == "loop"}

    def rank(edge: Edge) -> int:
        kind = graph.nodes[edge.source].kind
        return 0 if edge.source in on_loop else 1 if kind == "thread" else 2 if kind == "task" else 3

    start = min(range(len(edges)), key=lambda index: rank(edges[index]))
    return edges[start:] + edges[:start]


def _rule(nodes: list[Node]) -> tuple[str, str]:
    kinds = {node.kind for node in nodes}
    if "ended" in kinds:
        return "UJ805", "lock-leaked"
    if "queue" in kinds:
        return "UJ804", "dead-consumer"
    if kinds & {"executor", "limiter"}:
        return "UJ802", "pool-deadlock"
    return "UJ801", "deadlock"


def _queue(graph: Graph, edges: tuple[Edge, ...]) -> str:
    return next(key for edge in edges for key in (edge.source, edge.target) if graph.nodes[key].kind == "queue")


def _task(node: Node) -> TaskName | None:
    if node.kind != "task":
        return None
    return TaskName(
        node.label.removeprefix("task ").partition(" (")[0].strip("'\""), str(node.facts.get("coroutine", ""))
    )
