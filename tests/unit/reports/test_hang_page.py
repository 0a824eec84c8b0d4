"""Who waits for whom, as a page."""

from __future__ import annotations

from unjam.diagnosis.hang import verdict
from unjam.model.waits import Graph, Node
from unjam.reports.hang import render
from unjam.reports.page import Page

OWN, LOCKS = ("/srv/app.py", 9, "both"), ("/usr/lib/python3.14/asyncio/locks.py", 110, "Lock.acquire")


def test_tasks_of_a_process_read_from_outside_are_told_where_they_are():
    """Where nothing is proved the suspended tasks are listed by their own line and what it called, equal ones in one line."""
    nodes = [Node(f"task:{n}", "task", f"task 'Task-{n}' (both)", stack=0) for n in range(3)]
    nodes.append(Node("task:9", "task", "task 'alone' (both)", stack=1))
    graph = Graph(1, "3.14.1", 0, nodes={node.key: node for node in nodes}, stacks=((OWN, LOCKS), (OWN,)))
    lines = render(graph, verdict(graph), Page(cwd="/srv", width=100), route="read by itself").splitlines()
    assert lines[2:] == [
        "  task 'Task-0' (both) and 2 more: at app.py:9 in both -> Lock.acquire",
        "  task 'alone' (both): at app.py:9 in both",
    ]
