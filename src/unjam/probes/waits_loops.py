"""Every event loop: the thread that runs it, and what its queue of callbacks would set if it got to run."""

from __future__ import annotations

import functools
import gc
import selectors
import sys
from collections import deque
from types import BuiltinMethodType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from unjam.model.findings import Grade
from unjam.probes.waits_read import is_a, own_dict, read, type_module, type_name
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
    later = _later(loop)
    facts: dict[str, Any] = {"type": type_name(loop), "queued": len(ready), "thread": where}
    if runs is not None:
        facts["parked"] = runs[0].parked
    scene.add(key, "loop", label, needs="all", sig=key, **facts)
    if runs is not None:
        scene.edge(key, Claim(runs[0].key, "runs on", Grade.EXACT, runs[1]))
    for handle in ready[:MOST_HANDLES]:
        _note_setters(scene, key, handle, "queued on")
        scene.pause()
    for handle in later[:MOST_HANDLES]:
        _note_setters(scene, key, handle, "of a timer, a descriptor or a signal on")
        scene.pause()
    left_out = sum(max(0, len(handles) - MOST_HANDLES) for handles in (ready, later))
    if left_out:
        scene.truncated["callbacks"] = scene.truncated.get("callbacks", 0) + left_out


def callbacks(loop: Any) -> list[Any]:
    """Return the handles of all that a loop would call: now, at a time, for a descriptor or for a signal."""
    return [*_ready(loop), *_later(loop)]


def _ready(loop: Any) -> list[Any]:
    """Return the callbacks that wait for the next turn: `_ready` of a stdlib loop, the one deque of handles of uvloop."""
    found = read(loop, "_ready")
    if type(found) is deque:
        return list(found)
    return [entry for queue in _inside_uvloop(loop, deque) for entry in queue if _is_uvloops(entry)]


def _later(loop: Any) -> list[Any]:
    """Return timers but those of asyncio.sleep, which free nobody else, and the callbacks of descriptors and signals."""
    timers = read(loop, "_scheduled")
    if type(timers) is not list:
        kept = [entry for inside in _inside_uvloop(loop, set) for entry in inside]
        kept += [value for inside in _inside_uvloop(loop, dict) for value in list(inside.values())]
        return [entry for entry in kept if _is_uvloops(entry)]
    sleep = getattr(sys.modules.get("asyncio.futures"), "_set_result_unless_cancelled", None)
    found = [timer for timer in list(timers) if read(timer, "_callback") is not sleep]
    signals = own_dict(loop).get("_signal_handlers")
    found += list(signals.values()) if type(signals) is dict else []
    files = own_dict(own_dict(loop).get("_selector")).get("_fd_to_key")
    for key in list(files.values()) if type(files) is dict else ():
        pair = tuple.__getitem__(key, 3) if is_a(key, selectors.SelectorKey) else ()  # fileobj, fd, events, data
        found += [handle for handle in pair if handle is not None] if type(pair) is tuple else []
    return found


def _inside_uvloop(loop: Any, kind: type) -> list[Any]:
    if "uvloop.loop" not in sys.modules:
        return []
    return [kind(inside) for inside in gc.get_referents(loop) if type(inside) is kind]


def _is_uvloops(value: Any) -> bool:
    """Say whether this is something of uvloop's that keeps a callback: a handle, a timer, a poll."""
    return type_module(type(value)).startswith("uvloop") and not is_a(value, _uvloop_loop())


def _uvloop_loop() -> Any:
    return getattr(sys.modules.get("uvloop.loop"), "Loop", None)


def _note_setters(scene: Scene, key: str, handle: Any, where: str) -> None:
    reached = list(reach_of(handle))
    coroutine = next((name for value in reached if (name := coroutine_name(value))), "")
    verb = f"is set by coroutine {coroutine}(), {where}" if coroutine else f"is set by a callback {where}"
    claim = Claim(key, verb, Grade.EXACT, "found among the loop's callbacks")
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


def reach_of(handle: Any) -> Iterator[Any]:
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
    if _is_uvloops(handle):
        return [value for value in gc.get_referents(handle) if not is_a(value, _uvloop_loop())]
    return [value for name in ("_callback", "_args") if (value := read(handle, name)) is not None]


def _inside(value: Any) -> list[Any]:
    kind = type(value)
    if kind is FunctionType:
        return [cell.cell_contents for cell in value.__closure__ or () if _filled(cell)]
    if kind is list or kind is tuple:
        return list(value[:16])
    if _is_uvloops(value):
        return _inside_handle(value)
    # A C method that is told its class (PyCMethod_Type, such as Future.set_result from 3.12 on) has a type below that of the others.
    fields = next((names for known, names in _PARTS.items() if is_a(value, known)), ())
    return [getattr(value, name) for name in fields] if type_module(kind) in {"builtins", "functools"} else []


_PARTS: Final[dict[type, tuple[str, ...]]] = {
    MethodType: ("__self__", "__func__"),
    BuiltinMethodType: ("__self__",),
    functools.partial: ("func", "args"),
}


def _filled(cell: Any) -> bool:
    return bool(gc.get_referents(cell))
