"""Every event loop: the thread that runs it, and what its queue of callbacks would set if it got to run."""

from __future__ import annotations

import functools
import gc
import sys
from collections import deque
from types import BuiltinMethodType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from unjam.model.findings import Grade
from unjam.probes.waits_read import exactly, is_a, read, type_name
from unjam.probes.waits_scene import Claim, Scene
from unjam.probes.waits_tasks import coroutine_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from unjam.probes.waits_tasks import TaskSeen
    from unjam.probes.waits_threads import Seen

MOST_HANDLES: Final = 2_000
"""Callbacks looked into of one loop's queue: more than that is a flood, not a clue."""
REACH: Final = 4
"""Steps from a callback to what it would set: handle -> partial or Context.run -> wrapper -> its closure."""


def loop_key(scene: Scene, loop: Any) -> str:
    """Return the key of a loop."""
    return f"loop:{scene.identities.serial(loop)}"


def look_at_loops(
    scene: Scene, told: Iterable[tuple[Any, int]], threads: list[Seen], tasks: list[TaskSeen]
) -> list[Any]:
    """Add every loop that somebody knows of and the thread that runs it; returns the loops.

    `told` are loops and the idents of their threads as the monitor knows them.
    """
    by_ident = {seen.ident: seen for seen in threads}
    loops: dict[int, Any] = {}
    runs: dict[int, tuple[Seen, str]] = {}
    for seen in threads:
        for loop, why in ((seen.runner_loop, "asyncio.Runner.run"), (seen.loop, "run_forever is on its stack")):
            if loop is not None:
                loops[id(loop)] = loop
                runs[id(loop)] = (seen, why)
    for loop, ident in told:
        loops[id(loop)] = loop
        if ident in by_ident:
            runs[id(loop)] = (by_ident[ident], "recorded when it began to run")
    for task in tasks:
        if task.loop is None:
            continue
        loops[id(task.loop)] = task.loop
        on = _executing_on(task, threads)
        if on is not None:
            runs.setdefault(id(task.loop), (on, "its running task is on that thread's stack"))
    for loop in loops.values():
        _add(scene, loop, runs.get(id(loop)))
    return list(loops.values())


def _executing_on(task: TaskSeen, threads: list[Seen]) -> Seen | None:
    if not task.running:
        return None
    return next((seen for seen in threads if not seen.frames.isdisjoint(task.frames)), None)


def _add(scene: Scene, loop: Any, runs: tuple[Seen, str] | None) -> None:
    key = loop_key(scene, loop)
    where = runs[0].label.removeprefix("thread ") if runs else ""
    label = f"the loop of {where}" if where else "a loop that no known thread runs"
    ready = _ready(loop)
    facts: dict[str, Any] = {"type": type_name(loop), "queued": len(ready), "thread": where}
    if runs is not None:
        facts["parked"] = runs[0].parked
    scene.add(key, "loop", label, needs="all", sig=key, **facts)
    if runs is not None:
        scene.edge(key, Claim(runs[0].key, "runs on", Grade.EXACT, runs[1]))
    for handle in ready[:MOST_HANDLES]:
        _note_setters(scene, key, handle)


def _ready(loop: Any) -> list[Any]:
    """Return the callbacks that wait for the next turn: `_ready` of a stdlib loop, the one deque of handles of uvloop."""
    found = read(loop, "_ready")
    if type(found) is deque:
        return list(found)
    uvloop = sys.modules.get("uvloop.loop")
    handle = uvloop.__dict__.get("Handle") if uvloop is not None else None
    queues = [list(inside) for inside in gc.get_referents(loop) if type(inside) is deque] if handle is not None else []
    return [entry for queue in queues for entry in queue if type(entry) is handle]


def _note_setters(scene: Scene, key: str, handle: Any) -> None:
    reached = list(_reach(handle))
    coroutine = next((name for value in reached if (name := coroutine_name(value))), "")
    verb = f"is set by coroutine {coroutine}(), queued on" if coroutine else "is set by a callback queued on"
    claim = Claim(key, verb, Grade.EXACT, "found in the loop's queue of callbacks")
    for value in reached:
        if _settable(value):
            claims = scene.setters.setdefault(id(value), [])
            if claim not in claims:
                claims.append(claim)


def _settable(value: Any) -> bool:
    kinds = [
        getattr(sys.modules.get(module), name, None)
        for module, name in (
            ("threading", "Event"),
            ("asyncio.locks", "Event"),
            ("concurrent.futures._base", "Future"),
            ("_asyncio", "Future"),
            ("asyncio.futures", "Future"),
        )
    ]
    return any(is_a(value, kind) for kind in kinds if kind is not None)


def _reach(handle: Any) -> Iterator[Any]:
    """Yield what a queued callback can lay its hands on: its arguments, bound objects, closures; a few steps deep."""
    level = _inside_handle(handle)
    seen: set[int] = set()
    for _ in range(REACH):
        deeper: list[Any] = []
        for value in level:
            if id(value) in seen:
                continue
            seen.add(id(value))
            yield value
            deeper += _inside(value)
        level = deeper


def _inside_handle(handle: Any) -> list[Any]:
    if type(handle).__module__.startswith("uvloop"):
        return gc.get_referents(handle)
    return [value for name in ("_callback", "_args") if (value := read(handle, name)) is not None]


def _inside(value: Any) -> list[Any]:
    if type(value) is FunctionType:
        return [cell.cell_contents for cell in value.__closure__ or () if _filled(cell)]
    if type(value) is MethodType:
        return [value.__self__, value.__func__]
    if type(value) is BuiltinMethodType:
        return [value.__self__]
    if type(value) is functools.partial:
        return [value.func, value.args]
    if exactly(value, (list, tuple)):
        return list(value[:16])
    return []


def _filled(cell: Any) -> bool:
    return bool(gc.get_referents(cell))
