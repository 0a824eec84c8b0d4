"""A second, cheap look at a process in which nothing seemed stuck: which threads and tasks have moved since.

Where something does seem stuck the whole graph is collected again instead, because then each lock and future counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unjam.probes.waits_table import module_of
from unjam.probes.waits_tasks import task_key, task_signature
from unjam.probes.waits_threads import each_stack, thread_key, thread_signature, threads_by_ident

if TYPE_CHECKING:
    from unjam.model.waits import Graph
    from unjam.probes.waits_scene import Scene


def looked_again(scene: Scene, first: Graph, tasks: Iterable[Any], t: int) -> Graph:
    """Return the first graph, told which of its tasks and threads are not as they were. `t` is the present time."""
    still = {key for key, node in first.nodes.items() if node.kind not in {"task", "thread"}}
    still.update(_still_tasks(scene, first, tasks), _still_threads(scene, first))
    return replace(first, moved=frozenset(first.nodes) - still, apart_ms=(t - first.t) / 1e6)


def _still_tasks(scene: Scene, first: Graph, tasks: Iterable[Any]) -> Iterable[str]:
    for task in tasks:
        key = task_key(scene, task)
        before = first.nodes.get(key)
        if before is not None and before.sig == task_signature(scene, task):
            yield key
        scene.pause()


def _still_threads(scene: Scene, first: Graph) -> Iterable[str]:
    known = threads_by_ident()
    for ident, stack in each_stack(scene):
        thread = known.get(ident)
        key = thread_key(scene, ident, thread)
        before = first.nodes.get(key)
        inner = next((frame for frame in stack if not module_of(frame).startswith("unjam.")), None)
        if before is not None and inner is not None and before.sig == thread_signature(inner, thread):
            yield key
        del stack, inner
