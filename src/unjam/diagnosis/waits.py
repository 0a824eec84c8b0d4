"""From wait-for graphs to verdicts: which nodes can never go on, and the cycles, leaks and dead ends that are the reason.

A node is stuck if what it needs is stuck: the largest set for which that holds. Everything that is not provably stuck (running
code, I/O, timers, waits with a time-out, an owner that is not known) is live, so a cycle that any of them could end is none.
What moved since the snapshot before is live too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from unjam.model.findings import Grade
from unjam.model.waits import GET, TURN, Edge, Graph, Node


@dataclass(frozen=True, slots=True)
class Stuck:
    """One reason why nodes are stuck: `edges` is a closed cycle in order, or the one edge to an ended holder.

    `also` are the stuck nodes behind it that are not part of it; `beside` further edges that must hold (the other workers
    of a pool).
    """

    edges: tuple[Edge, ...]
    beside: tuple[Edge, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def grade(self) -> Grade:
        """That of the weakest edge."""
        return min(edge.grade for edge in (*self.edges, *self.beside))


def stuck(graph: Graph) -> tuple[Stuck, ...]:
    """Return the reasons why anything is stuck, largest harm first."""
    edges = _guarded(graph)
    alive = _fixpoint(graph, edges, graph.still())
    inside = {
        key: [edge for edge in edges.get(key, ()) if edge.target in alive and edge.ends_ms is None] for key in alive
    }
    ends = {
        edge.source if graph.nodes[edge.target].kind == "ended" else edge.target: edge
        for out in inside.values()
        for edge in out
        if _is_dead_end(graph.nodes[edge.target])
    }
    found = [Stuck((*_waiter(inside, edge.source), edge)) for edge in ends.values()]
    found += [_cycle(graph, inside, group) for group in components(inside)]
    behind = [replace(reason, also=_behind(reason, inside)) for reason in found]
    return tuple(sorted(behind, key=lambda reason: (-len(reason.also), reason.edges[0].source)))


def _guarded(graph: Graph) -> dict[str, list[Edge]]:
    """Return edges by source, with the time-out of a task passed on to what it would cancel.

    A task that is cancelled cancels the task, the gather and the queued job that it waits for. Who waits for an item of a
    queue is idle, not stuck.
    """
    out = {key: [edge for edge in edges if edge.verb != GET] for key, edges in graph.out().items()}
    todo = deque(
        edge for edges in out.values() for edge in edges if edge.ends_ms is not None and edge.source.startswith("task")
    )
    seen: set[str] = set()
    while todo:
        guard = todo.popleft()
        if guard.target in seen or graph.nodes[guard.target].kind not in {"task", "future"}:
            continue
        seen.add(guard.target)
        edges = out.get(guard.target, [])
        passed = [
            e._replace(ends_ms=guard.ends_ms) if e.verb not in {TURN, "runs on"} and e.ends_ms is None else e
            for e in edges
        ]
        out[guard.target] = passed
        todo.extend(edge for edge in passed if edge.ends_ms is not None)
    return out


def _fixpoint(graph: Graph, edges: Mapping[str, list[Edge]], still: Collection[str]) -> set[str]:
    """Return the largest set of nodes each of which needs a member of it."""
    alive = {
        key for key, node in graph.nodes.items() if _is_dead_end(node) or (node.needs != "nothing" and key in still)
    }
    sources: dict[str, list[str]] = {}
    for key, out in edges.items():
        for edge in out:
            sources.setdefault(edge.target, []).append(key)
    todo = deque(alive)
    while todo:
        key = todo.popleft()
        if key not in alive or _holds(graph.nodes[key], edges.get(key, ()), alive):
            continue
        alive.discard(key)
        todo.extend(source for source in sources.get(key, ()) if source in alive)
    return alive


def _waiter(edges: Mapping[str, list[Edge]], lock: str) -> tuple[Edge, ...]:
    """Return the wait of one who wants a lock whose holder has ended; none where `lock` is itself the one who waits."""
    if not lock.startswith(("lock", "alock")):
        return ()
    return next(((edge,) for key in sorted(edges) for edge in edges[key] if edge.target == lock), ())


def _is_dead_end(node: Node) -> bool:
    """Say whether nothing is left that could let go who waits for this: a holder that ended, a queue that nobody can reach."""
    return node.kind == "ended" or (node.kind == "queue" and node.facts.get("users") == 0)


def _holds(node: Node, out: Iterable[Edge], alive: Collection[str]) -> bool:
    if _is_dead_end(node):
        return True
    told = False
    for edge in out:
        told = edge.target in alive and edge.ends_ms is None
        if told == (node.needs == "all"):
            return told  # One that is stuck is enough where all are needed, one that is not where any will do.
    return told


def components(edges: Mapping[str, list[Edge]]) -> list[list[str]]:
    """Return the strongly connected groups that contain a cycle (Tarjan, without recursion)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    found: list[list[str]] = []
    for root in edges:
        if root in number:
            continue
        work = [(root, iter([edge.target for edge in edges[root]]))]
        number[root] = low[root] = len(number)
        path.append(root)
        on_path.add(root)
        while work:
            node, targets = work[-1]
            target = next(targets, None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    group = path[path.index(node) :] if path[-1] != node else [node]
                    del path[-len(group) :]
                    on_path.difference_update(group)
                    if len(group) > 1 or any(edge.target == node for edge in edges[node]):
                        found.append(group)
            elif target not in number:
                number[target] = low[target] = len(number)
                path.append(target)
                on_path.add(target)
                work.append((target, iter([edge.target for edge in edges.get(target, ())])))
            elif target in on_path:
                low[node] = min(low[node], number[target])
    return found


def _cycle(graph: Graph, edges: Mapping[str, list[Edge]], group: list[str]) -> Stuck:
    """Return a shortest cycle of the group, told from a thread or task on."""
    members = set(group)
    starts = sorted(members, key=lambda key: (_TELL_FIRST.get(graph.nodes[key].kind, 9), key))
    best: tuple[Edge, ...] = ()
    for start in starts[:8]:
        found = _round_trip(edges, members, start)
        if found and (not best or len(found) < len(best)):
            best = found
    beside = tuple(
        other
        for edge in best
        if graph.nodes[edge.source].needs == "any"
        for other in edges[edge.source]
        if other not in best
    )
    return Stuck(best, beside)


_TELL_FIRST = {"thread": 0, "task": 1}


def _round_trip(edges: Mapping[str, list[Edge]], members: Collection[str], start: str) -> tuple[Edge, ...]:
    came: dict[str, Edge] = {}
    todo = deque([start])
    while todo:
        key = todo.popleft()
        for edge in edges.get(key, ()):
            if edge.target not in members or edge.target in came:
                continue
            came[edge.target] = edge
            if edge.target == start:
                return _back(came, start)
            todo.append(edge.target)
    return ()


def _back(came: Mapping[str, Edge], start: str) -> tuple[Edge, ...]:
    path = [came[start]]
    while path[-1].source != start:
        path.append(came[path[-1].source])
    return tuple(reversed(path))


def _behind(reason: Stuck, edges: Mapping[str, list[Edge]]) -> tuple[str, ...]:
    """Return the stuck nodes from which the reason can be reached."""
    sources: dict[str, list[str]] = {}
    for key, out in edges.items():
        for edge in out:
            sources.setdefault(edge.target, []).append(key)
    core = {edge.source for edge in reason.edges}
    seen, todo = set(core), deque(core)
    while todo:
        for source in sources.get(todo.popleft(), ()):
            if source not in seen:
                seen.add(source)
                todo.append(source)
    return tuple(sorted(seen - core))
