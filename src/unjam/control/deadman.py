"""What a process writes by itself when its loop has been away for long: one line to the log, and the graph, cut to fit."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Final

from unjam.diagnosis.hang import is_library, verdict
from unjam.model.durations import format_duration
from unjam.model.waits import Graph

MOST_NODES: Final = 2_000
"""Kept in a dump: about half a megabyte. Stuck ones come first."""


def last_words(graph: Graph, thread: str, away_ns: int) -> str:
    """Return the line for the log: how long the loop has been away, where its thread is, and whether that can ever end."""
    node = next((n for n in graph.nodes.values() if n.kind == "thread" and n.label == f"thread {thread}"), None)
    stack = graph.stacks[node.stack] if node is not None and node.stack >= 0 else ()
    own = [line for line in stack if not is_library(line[0])] or list(stack)
    where = f" at {own[-1][0]}:{own[-1][1]} in {own[-1][2]}" if own else ""
    found = verdict(graph).findings
    verdicts = f"; {found[0].rule}: {found[0].message}" if found else ""
    length = format_duration(away_ns // 100_000_000 * 100_000_000)
    return f"unjam: pid {os.getpid()}: the loop of {thread} has been away for {length}{where}{verdicts}"


def shrunk(graph: Graph) -> Graph:
    """Return the graph with at most `MOST_NODES` nodes: what is stuck, then threads and loops, then the rest."""
    left_out = len(graph.nodes) - MOST_NODES
    if left_out <= 0:
        return graph
    stuck = verdict(graph).stuck
    order = sorted(
        graph.nodes.values(), key=lambda node: (node.key not in stuck, node.kind not in {"thread", "loop", "executor"})
    )
    nodes = {node.key: node for node in order[:MOST_NODES]}
    edges = tuple(edge for edge in graph.edges if edge.source in nodes and edge.target in nodes)
    return replace(
        graph,
        nodes=nodes,
        edges=edges,
        moved=graph.moved & nodes.keys(),
        truncated={**graph.truncated, "nodes": left_out},
    )
