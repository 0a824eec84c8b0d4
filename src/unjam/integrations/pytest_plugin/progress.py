"""Whether a test gets on: whether anything that it waits for has moved between two looks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CoroutineType
from typing import Any

from unjam.model.waits import TURN, Graph, Node
from unjam.native.frames import current_frames
from unjam.probes.frame_values import local_values
from unjam.probes.waits_table import module_of

TASKS = Path("/proc/self/task")
"""A folder for each thread (proc(5))."""


@dataclass(frozen=True, slots=True)
class Test:
    """What is known of a test that runs: its file, the ident of its thread, the key of the main task, "" for none."""

    __test__ = False

    file: str
    thread: int
    task: str


def gets_on(graph: Graph, test: Test, woke: frozenset[int], starved: frozenset[int] = frozenset()) -> bool:
    """Whether the test has got on since the graph before this one.

    It waits for what its task waits for; without a loop, for what its thread waits for. `woke` are the idents of threads that
    were given a CPU meanwhile, `starved` those that wait for one. A thread that computes gets on, and one that would if it could.
    """
    if test.thread in starved:
        return True
    thread = next((n for n in _kind(graph, "thread") if n.facts.get("ident") == test.thread), None)
    tasks = _tasks(graph, test)
    roots = tasks if tasks and _runs_a_loop(graph, thread) else [thread] if thread is not None else []
    reached = [graph.nodes[key] for key in _reached(graph, roots)]
    return not roots or any(_moved(graph, node, woke) or node.facts.get("ident") in starved for node in reached)


def main_task(ident: int) -> Any:
    """The task that a thread runs its loop for, None where it runs none: a local of asyncio's own frames (3.11 to 3.14)."""
    frame = current_frames().get(ident)
    while frame is not None:
        name = _HOLDS_MAIN.get((module_of(frame), frame.f_code.co_qualname))
        task = local_values(frame).get(name) if name else None
        if task is not None:
            return task
        frame = frame.f_back
    return None


def cancel_main(ident: int) -> bool:
    """Have the loop of a thread cancel the task that it runs for; False where there is none that waits."""
    task = main_task(ident)
    coroutine = task.get_coro() if type(task) is asyncio.Task else None
    if type(coroutine) is not CoroutineType or coroutine.cr_running:
        return False
    try:
        task.get_loop().call_soon_threadsafe(task.cancel, "unjam: the test hangs")
    except RuntimeError:
        return False  # its loop is closed
    return True


_HOLDS_MAIN = {
    ("asyncio.runners", "Runner.run"): "task",
    ("asyncio.base_events", "BaseEventLoop.run_until_complete"): "future",
}
"""Which local of which function is the task that ends the run: Lib/asyncio/runners.py, base_events.py."""


def _tasks(graph: Graph, test: Test) -> list[Node]:
    """The tasks whose waits are those of the test: the main one, unless it is a runner's that waits for the test's own."""
    tasks = list(_kind(graph, "task"))
    main = [task for task in tasks if task.key == test.task]
    own = [task for task in tasks if _is_in(graph, task, test.file)]
    return [task for task in main if task in own] or own or main or tasks


def _is_in(graph: Graph, task: Node, file: str) -> bool:
    return any(line[0] == file for line in _stack(graph, task))


def woken(before: dict[int, str], after: dict[int, str]) -> frozenset[int]:
    """Idents of the threads that were given a CPU between two looks at `slices`, new ones included."""
    return frozenset(ident for ident, count in after.items() if before.get(ident) != count)


def slices() -> dict[int, str]:
    """How often each thread has been given a CPU, by ident: third field of /proc/self/task/*/schedstat (proc(5)).

    Threads of which the system does not tell are left out.
    """
    told = ((thread.ident or 0, _told(thread, "schedstat").split()) for thread in threading.enumerate())
    return {ident: fields[2] for ident, fields in told if len(fields) > 2}  # noqa: PLR2004 -- the third is there


def starved(before: dict[int, str], after: dict[int, str]) -> frozenset[int]:
    """Idents of the threads that could run now and were given no CPU between two looks at `slices`.

    They are ready by the third field of /proc/self/task/*/stat (proc(5)).
    """
    idle = {
        thread for thread in threading.enumerate() if before.get(thread.ident or 0, "") == after.get(thread.ident or 0)
    }
    return frozenset(
        thread.ident or 0 for thread in idle if _told(thread, "stat").rpartition(")")[2].split()[:1] == ["R"]
    )


def _told(thread: threading.Thread, name: str) -> str:
    """What the system tells of a thread in the file of that name; "" where it does not."""
    try:
        return (TASKS / str(thread.native_id) / name).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _moved(graph: Graph, node: Node, woke: frozenset[int]) -> bool:
    if node.kind == "loop":
        return False  # it turns for others, too
    if node.kind == "thread" and node.facts.get("state") != "in the select of its loop":
        return node.key in graph.moved or node.facts.get("state") == "runs" or node.facts.get("ident") in woke
    return node.kind != "thread" and node.key in graph.moved


def _reached(graph: Graph, roots: list[Node]) -> set[str]:
    """The keys of all that the roots wait for, themselves included; a turn on the loop is no wait for what the loop does."""
    out = graph.out()
    seen: set[str] = set()
    waiting = [root.key for root in roots]
    while waiting:
        key = waiting.pop()
        if key not in seen:
            seen.add(key)
            waiting += [edge.target for edge in out.get(key, ()) if edge.verb != TURN]
    return seen


def _runs_a_loop(graph: Graph, thread: Node | None) -> bool:
    return thread is not None and any(
        edge.target == thread.key and graph.nodes[edge.source].kind == "loop" for edge in graph.edges
    )


def _stack(graph: Graph, node: Node) -> tuple[tuple[str, int, str], ...]:
    return graph.stacks[node.stack] if node.stack >= 0 else ()


def _kind(graph: Graph, kind: str) -> Iterator[Node]:
    return (node for node in graph.nodes.values() if node.kind == kind)
