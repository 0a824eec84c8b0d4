"""The tasks of a process as a tree of await chains, thousands of equal ones folded into one branch."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from unjam.reports.text import safe

if TYPE_CHECKING:
    from unjam.model.waits import Edge, Graph, Node
    from unjam.reports.page import Page

MOST_LINES = 12
"""Frames shown of one chain: the outermost three and the innermost ones."""


def render(graph: Graph, page: Page) -> str:
    """Write the threads, and below each loop its tasks, equal chains folded."""
    out = graph.out()
    root = Tree(Text(f"pid {graph.pid}", style="bold"))
    for thread in _kind(graph, "thread"):
        branch = root.add(_title(thread.label, graph, out.get(thread.key, [])))
        for loop in _kind(graph, "loop"):
            if any(edge.target == thread.key for edge in out.get(loop.key, ())):
                _add_tasks(branch.add(Text(safe(loop.label))), graph, out, loop.key, page)
    for loop in _kind(graph, "loop"):
        if loop.key not in out:
            _add_tasks(root.add(Text(safe(loop.label))), graph, out, loop.key, page)
    if not _kind(graph, "loop") and _kind(graph, "task"):
        _add_tasks(root.add("tasks"), graph, out, None, page)
    return page.print(root)


def _kind(graph: Graph, kind: str) -> list[Node]:
    return [node for node in graph.nodes.values() if node.kind == kind]


def _title(label: str, graph: Graph, edges: list[Edge]) -> Text:
    text = Text(safe(label), style="bold")
    for edge in edges[:1]:
        text.append(safe(f" {edge.verb} {graph.nodes[edge.target].label}"))
    return text


def _add_tasks(branch: Tree, graph: Graph, out: dict[str, list[Edge]], loop: str | None, page: Page) -> None:
    """Add the tasks of a loop, those with equal chains and equal waits as one; all tasks where no loop is known."""
    groups: Counter[tuple[int, str]] = Counter()
    names: dict[tuple[int, str], str] = {}
    for node in _kind(graph, "task"):
        edges = out.get(node.key, [])
        on_thread = {edge.target for edge in out.get(loop or "", ())}
        if loop is not None and not any(edge.target == loop or edge.target in on_thread for edge in edges):
            continue
        wait = next(
            (f"{e.verb} {graph.nodes[e.target].label}" for e in edges if e.target != loop),
            "" if loop is None else "ready to run",
        )
        groups[node.stack, wait] += 1
        names.setdefault((node.stack, wait), node.label)
    for (stack, wait), count in groups.most_common():
        label = names[stack, wait] if count == 1 else f"{count:,} tasks like {names[stack, wait]}"
        leaf = branch.add(Text(safe(f"{label} {wait}")))
        for file, line, function in _shown(graph.stacks[stack] if stack >= 0 else ()):
            leaf.add(Text(page.place(file, line, function) if file else function, style="dim"))


def _shown(frames: tuple[tuple[str, int, str], ...]) -> list[tuple[str, int, str]]:
    if len(frames) <= MOST_LINES:
        return list(frames)
    return [*frames[:3], ("", 0, f"... {len(frames) - MOST_LINES:,} more"), *frames[3 - MOST_LINES :]]
