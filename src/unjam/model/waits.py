"""A wait-for graph: who waits for whom in one process at one moment, with a grade on every edge.

    task ──waits for──> lock ──held by──> thread ──waits for──> future ──set by──> task ──needs──> loop ──runs on──> thread

A node *needs* its targets: `all` of them (a task needs its lock and its loop), `any` one of them (a job needs one worker of
a pool), or `nothing` that could be named (a timer, I/O, running code). A node with needs and without edges is not stuck.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from unjam.errors import RecordingError
from unjam.model.findings import Finding, Grade, Location

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
"""Of the JSON form; a reader refuses a newer one."""

Needs: TypeAlias = Literal["all", "any", "nothing"]
"""What keeps the node from going on: any one stuck target, only all of them, or nothing that is known."""

TURN = "waits for its turn on"
"""Verb of the edge from a suspended task to its loop: no time-out of the task frees it from that."""
GET, PUT, JOIN = "waits for an item of", "waits for room in", "waits for all work of"
"""Verbs of the waits on a queue."""

Line: TypeAlias = tuple[str, int, str]
"""One frame: file, 1-based line (0 unknown), qualified function name."""

NO_FACTS: Mapping[str, Any] = MappingProxyType({})


class Node(NamedTuple):
    """Something that waits or is waited for. A tuple, as edges are: a large process has ten thousands, made while it waits.

    `kind` is task, thread, loop, lock, condition, semaphore, event, barrier, queue, future, executor, limiter, lane, timer, io,
    process or ended. `label` is what a sentence calls it. `sig` is equal in two snapshots only if it did not move between
    them. `stack` is an index into `Graph.stacks`, -1 for none. `facts` holds numbers and names by kind (docs/hang.md).
    """

    key: str
    kind: str
    label: str
    needs: Needs = "nothing"
    sig: str = ""
    stack: int = -1
    facts: Mapping[str, Any] = NO_FACTS


class Edge(NamedTuple):
    """`source` waits until `target` lets it go on.

    `verb` joins the two labels to a sentence; `why` says how it is known; `site` is the line at which the source waits or,
    for "is held by", at which the holder took it. `ends_ms` is the rest of a time-out on this wait, at most: None if it has none,
    -1 if it has one of unknown length.
    """

    source: str
    target: str
    verb: str
    grade: Grade
    why: str = ""
    site: Location | None = None
    ends_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """One snapshot. `t` is nanoseconds on CLOCK_MONOTONIC, `took_ms` how long the collection lasted.

    Stacks are outermost first for threads and for the await chain of a task. `not_observed` says what could not be seen
    and why; `truncated` counts what was left out, by kind. `moved` are the nodes that differ from a snapshot taken
    `apart_ms` before, which is None where there was none.
    """

    pid: int
    python: str
    t: int
    took_ms: float = 0.0
    longest_slice_ms: float = 0.0
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: tuple[Edge, ...] = ()
    stacks: tuple[tuple[Line, ...], ...] = ()
    not_observed: tuple[str, ...] = ()
    truncated: dict[str, int] = field(default_factory=dict)
    moved: frozenset[str] = frozenset()
    apart_ms: float | None = None

    def still(self) -> frozenset[str]:
        """Return the nodes that did not move, all of them where that was not looked at."""
        return frozenset(self.nodes) - self.moved

    def out(self) -> dict[str, list[Edge]]:
        """Edges by source, in their order."""
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.source, []).append(edge)
        return found


def to_json(graph: Graph) -> dict[str, Any]:
    """Return the graph as plain JSON values; file and function names are interned in `names`."""
    names: dict[str, int] = {}

    def number(name: str) -> int:
        return names.setdefault(name, len(names))

    stacks = [[[number(file), line, number(function)] for file, line, function in stack] for stack in graph.stacks]
    return {
        "v": VERSION,
        "pid": graph.pid,
        "python": graph.python,
        "t": graph.t,
        "took_ms": graph.took_ms,
        "longest_slice_ms": graph.longest_slice_ms,
        "nodes": [[*node[:-1], dict(node.facts)] for node in graph.nodes.values()],
        "edges": [_edge_json(edge) for edge in graph.edges],
        "stacks": stacks,
        "names": list(names),
        "not_observed": list(graph.not_observed),
        "truncated": graph.truncated,
        "moved": sorted(graph.moved),
        "apart_ms": graph.apart_ms,
    }


def _edge_json(edge: Edge) -> list[Any]:
    source, target, verb, grade, why, site, ends_ms = edge
    place = [site.file, site.line, site.function] if site else None
    return [source, target, verb, _LABELS[grade], why, place, ends_ms]


_LABELS = tuple(grade.label for grade in Grade)
_GRADES = {grade.label: grade for grade in Grade}


def from_json(data: dict[str, Any]) -> Graph:
    """Read what `to_json` wrote; raises RecordingError for anything else, or for a newer version."""
    try:
        if int(data["v"]) > VERSION:
            raise RecordingError(f"a wait-for graph of version {data['v']}: this unjam reads up to {VERSION}")
        names = [str(name) for name in data["names"]]
        nodes = {str(entry[0]): _node(entry, len(data["stacks"])) for entry in data["nodes"]}
        return Graph(
            pid=int(data["pid"]),
            python=str(data["python"]),
            t=int(data["t"]),
            took_ms=float(data["took_ms"]),
            longest_slice_ms=float(data["longest_slice_ms"]),
            nodes=nodes,
            edges=tuple(_edge(e) for e in data["edges"] if e[0] in nodes and e[1] in nodes),
            stacks=tuple(tuple((names[f], int(line), names[q]) for f, line, q in s) for s in data["stacks"]),
            not_observed=tuple(str(text) for text in data["not_observed"]),
            truncated={str(kind): int(n) for kind, n in data["truncated"].items()},
            moved=frozenset(str(key) for key in data["moved"]),
            apart_ms=None if data["apart_ms"] is None else float(data["apart_ms"]),
        )
    except (KeyError, TypeError, ValueError, OverflowError, IndexError, AttributeError) as error:
        raise RecordingError(f"not a wait-for graph: {type(error).__name__} {error}") from error


def _node(data: list[Any], stacks: int) -> Node:
    key, kind, label, needs, sig, stack, facts = data
    if needs not in {"all", "any", "nothing"} or not -1 <= int(stack) < stacks:
        raise ValueError(needs, stack)
    return Node(str(key), str(kind), str(label), needs, str(sig), int(stack), dict(facts))


def _edge(data: list[Any]) -> Edge:
    source, target, verb, grade, why, site, ends = data
    place = Location(str(site[0]), int(site[1]), str(site[2])) if site else None
    return Edge(source, target, str(verb), _GRADES[grade], str(why), place, ends if ends is None else float(ends))


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait that is not a finding: who, for what, where, and how it may end."""

    who: str
    what: str
    site: Location | None
    ends: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a graph says: `findings` are stuck for good, `leads` might be, `waits` are the others that did not move.

    `stuck` gives for the key of each stuck node the index of its finding.
    """

    findings: tuple[Finding, ...] = ()
    leads: tuple[Finding, ...] = ()
    waits: tuple[Wait, ...] = ()
    stuck: dict[str, int] = field(default_factory=dict)


def compared(first: Graph, second: Graph) -> Graph:
    """Return the second graph, told what moved since the first, which the same collector took a moment before."""
    before, after = first.out(), second.out()

    def waits(edges: dict[str, list[Edge]], key: str) -> set[tuple[str, str]]:
        return {(edge.target, edge.verb) for edge in edges.get(key, ())}

    still = {
        key
        for key, node in second.nodes.items()
        if key in first.nodes
        and first.nodes[key].sig == node.sig
        and (node.kind in _MAY_GROW or waits(before, key) == waits(after, key))
    }
    return replace(second, moved=frozenset(second.nodes) - still, apart_ms=(second.t - first.t) / 1e6)


_MAY_GROW = frozenset({"executor", "limiter", "shutdown", "event", "queue"})
"""Kinds whose other waiters and setters may change without freeing anybody: what matters is judged in the second graph."""
