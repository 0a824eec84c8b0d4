"""Second thoughts on what seems stuck: whatever something alive might still end is not called so.

An event may be set, a queue emptied and a future set by whoever can reach it; a task may be cancelled and a lock given back by
whoever names `cancel` or `release` and has it in his hands. Alive is what is not itself among the stuck.
"""

from __future__ import annotations

import threading
from types import BuiltinMethodType, FunctionType
from typing import TYPE_CHECKING, Any, Final

from unjam.probes.waits_loops import callbacks, loop_key, reach_of
from unjam.probes.waits_names import reachable
from unjam.probes.waits_reach import Reach
from unjam.probes.waits_read import is_a, own_dict, type_module
from unjam.probes.waits_setters import frames_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from unjam.probes.waits_scene import Scene
    from unjam.probes.waits_tasks import TaskSeen
    from unjam.probes.waits_threads import Seen

ENDED_BY_REACH: Final = frozenset({"event", "queue", "future"})
ENDED_BY_NAME: Final = {
    "task": "cancel",
    "lock": "release",
    "semaphore": "release",
    "executor": "aclose",
    "lane": "aclose",
}
"""By kind of node: the method that ends its wait or frees who waits for it; without its name in the code it is not called."""


def doubt(scene: Scene, threads: list[Seen], tasks: list[TaskSeen], loops: list[Any], stuck: Collection[str]) -> None:
    """Mark the stuck nodes that something alive might free: they need nothing then, and `facts["doubt"]` says why."""
    alive_threads = [seen for seen in threads if seen.key not in stuck]
    alive_tasks = [seen for seen in tasks if seen.key not in stuck and not seen.running]
    handles = [handle for loop in loops if loop_key(scene, loop) not in stuck for handle in callbacks(loop)]
    objects = {key: value for key, value in scene.objects.items() if key in stuck}
    objects |= {seen.key: seen.task for seen in tasks if seen.key in stuck}
    found = _by_name(scene, alive_threads, alive_tasks, handles, objects)
    found |= _by_reach(scene, alive_threads, alive_tasks, handles, objects)
    for key, why in found.items():
        node = scene.nodes[key]
        scene.nodes[key] = node._replace(needs="nothing", facts={**node.facts, "doubt": why, "users": None})


def _by_reach(
    scene: Scene, threads: list[Seen], tasks: list[TaskSeen], handles: list[Any], objects: dict[str, Any]
) -> dict[str, str]:
    wanted = {id(value): key for key, value in objects.items() if scene.nodes[key].kind in ENDED_BY_REACH}
    if not wanted:
        return {}
    search = Reach(scene, wanted)
    for handle in handles:
        search.from_values("a callback of the loop", [handle])
    for seen in threads:  # What a Thread was given; the search itself does not enter those that others hold.
        search.from_values(seen.label, own_dict(threading._active.get(seen.ident)).values())  # type: ignore[attr-defined]
    for _, label, frame in frames_of(scene, threads, tasks, every=True):
        search.from_frame(label, frame)
        del frame
    if search.is_whole:
        return search.found
    return dict.fromkeys(wanted.values(), "something alive: there is more than could be searched")


def _by_name(
    scene: Scene, threads: list[Seen], tasks: list[TaskSeen], handles: list[Any], objects: dict[str, Any]
) -> dict[str, str]:
    wanted = {id(value): key for key, value in objects.items() if scene.nodes[key].kind in ENDED_BY_NAME}
    found: dict[str, str] = {}

    def note(label: str, named: Collection[str], values: Iterable[Any]) -> None:
        for value in values:
            key = wanted.get(id(_meant(value)))
            if key is not None and ENDED_BY_NAME[scene.nodes[key].kind] in named:
                found.setdefault(key, label)

    for handle in handles:
        values = list(reach_of(handle))
        note("a callback of the loop", {name for value in values for name in _named_by(value)}, values)
        scene.pause()
    for _, label, frame in frames_of(scene, threads, tasks):
        named = frame.f_code.co_names
        if not _NAMES.isdisjoint(named):
            note(label, named, (value for _, value in reachable(frame)))
        del frame
    return found


def _meant(value: Any) -> Any:
    """Return what all views of one pool of the bridge share; anything else as it is."""
    return own_dict(value).get("_bulkhead", value) if type_module(type(value)) == "unjam.bridge.pool" else value


_NAMES: Final = frozenset(ENDED_BY_NAME.values())


def _named_by(value: Any) -> tuple[str, ...]:
    if type(value) is FunctionType:
        return value.__code__.co_names
    return (value.__name__,) if is_a(value, BuiltinMethodType) else ()
