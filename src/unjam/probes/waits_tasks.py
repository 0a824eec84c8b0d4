"""Every asyncio task: its await chain down to the innermost coroutine, what that waits for, and which time-outs guard it."""

from __future__ import annotations

import functools
import gc
import sys
from dataclasses import dataclass, field
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FrameType,
    GeneratorType,
)
from typing import TYPE_CHECKING, Any, Final

from unjam.model.findings import Location
from unjam.probes.frame_values import local_values
from unjam.probes.waits_inside import TimerKinds, look_inside, timer_kinds
from unjam.probes.waits_read import MISSING, class_dict, is_a, mro, own_dict, read, text
from unjam.probes.waits_scene import Scene, location
from unjam.probes.waits_table import IO_MODULES, TASK_WAITS, Fixed, Reader, Target, module_of
from unjam.probes.waits_threads import give_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST_LINKS: Final = 60_000
"""Links walked of one await chain; the walk is a loop, so depth costs time only."""
KEEP_HEAD: Final = 20
KEEP_TAIL: Final = 80
"""Links of a chain whose frames are looked at: the outermost and the innermost ones."""


@dataclass(slots=True)
class Chain:
    """The await chain of one task, outermost first: its coroutines and their frames."""

    frames: list[FrameType] = field(default_factory=list)
    objects: list[Any] = field(default_factory=list)
    skipped: int = 0


@dataclass(slots=True)
class TaskSeen:
    """One task as found."""

    key: str
    task: Any
    label: str
    coroutine: str
    loop: Any
    running: bool
    waiter: Any
    target: Target | None
    site: Location | None
    ends_ms: float | None
    sig: str
    stack: int
    frames: list[int]


def all_tasks(loops: Iterable[Any]) -> list[Any]:
    """Return every task that asyncio knows of, done ones too, without running code of the program.

    `loops` are those whose tasks are to be listed where there is no list of all (3.14 and later).
    """
    tasks = sys.modules.get("asyncio.tasks")
    if tasks is None:
        return []
    fields = tasks.__dict__
    references: list[Any] = []
    for name in ("_all_tasks", "_scheduled_tasks"):
        weak = fields.get(name)
        references += list(own_dict(weak).get("data", ())) if weak is not None else []
    found = [task for reference in references if (task := reference()) is not None]
    eager = fields.get("_eager_tasks")
    found += list(eager) if type(eager) is set else []
    if sys.version_info >= (3, 14):  # kept in lists per thread that only C can walk (gh-128002)
        for loop in loops:
            found += tasks.all_tasks(loop)
    return list({id(task): task for task in found}.values())


def task_key(scene: Scene, task: Any) -> str:
    """Return the key of a task: of the object, because addresses are used again."""
    return f"task:{scene.identities.serial(task)}"


def look_at_task(scene: Scene, task: Any) -> TaskSeen | None:
    """Look at one task; None if it is done."""
    state, coroutine, waiter, loop = _fields(task)
    if not _is_pending(state):
        return None
    chain = await_chain(coroutine)
    shape = _shape(scene, chain)
    target = _find_wait(shape, chain, waiter)
    called = shape.called if chain.objects else coroutine_name(coroutine)  # the former is without a carrier of ours
    running = type(coroutine) is CoroutineType and coroutine.cr_running
    label = f"task '{_name(task)}'"
    seen = TaskSeen(
        key=task_key(scene, task),
        task=task,
        label=f"{label} ({called})" if called else label,
        coroutine=called,
        loop=loop,
        running=running,
        waiter=None if waiter is MISSING else waiter,
        target=target,
        site=shape.site,
        ends_ms=None,
        sig=_signature(scene, waiter),
        stack=shape.stack,
        frames=[id(frame) for frame in chain.frames] if running else [],
    )
    if chain.skipped:
        scene.truncated["await links"] = scene.truncated.get("await links", 0) + chain.skipped
    if not running:
        seen.ends_ms = look_inside(scene, seen.key, chain, shape.guards, shape.timers)
        if target is not None and shape.depth < len(chain.frames):
            give_name(scene, chain.frames[-1 - shape.depth], target[1])
    return seen


def _is_pending(state: Any) -> bool:
    """Say whether a task is not done; one of another make, whose state cannot be told, counts as pending."""
    return state == "PENDING" if type(state) is str else True


def task_signature(scene: Scene, task: Any) -> str | None:
    """Return what stays equal as long as a task makes no step: the future it waits for. Each step waits for another one.

    None for a task that is done.
    """
    state, _, waiter, _ = _fields(task)
    return _signature(scene, waiter) if _is_pending(state) else None


def _signature(scene: Scene, waiter: Any) -> str:
    return str(scene.identities.serial(waiter)) if waiter is not None and waiter is not MISSING else ""


def is_task(value: Any) -> bool:
    """Say whether this is a task of asyncio, of C or of Python."""
    tasks, c = sys.modules.get("asyncio.tasks"), sys.modules.get("_asyncio")
    kinds = (getattr(c, "Task", None), getattr(tasks, "Task", None), getattr(tasks, "_PyTask", None))
    return any(is_a(value, kind) for kind in kinds)


_FIELDS: Final = ("_state", "_coro", "_fut_waiter", "_loop")


def _fields(task: Any) -> tuple[Any, Any, Any, Any]:
    """Return state, coroutine, what it waits for, and loop of a task; the C type's are read by their descriptors."""
    kind = type(task)
    c: Any = sys.modules.get("_asyncio")
    if c is not None and kind is c.Task:
        state, coroutine, waiter, loop = _getters(kind)
        return state(task), coroutine(task), waiter(task), loop(task)
    state, coroutine, waiter, loop = (read(task, name) for name in _FIELDS)
    return state, coroutine, waiter, loop


@functools.cache
def _getters(kind: type) -> tuple[Callable[[Any], Any], ...]:
    """Return the C getters of `_FIELDS`; a task inherits some of them from a future since CPython 3.14."""
    return tuple(
        next(class_dict(base)[name] for base in mro(kind) if name in class_dict(base)).__get__ for name in _FIELDS
    )


def _name(task: Any) -> str:
    kind = getattr(sys.modules.get("_asyncio"), "Task", None)
    return text(kind.get_name(task) if kind is not None and is_a(task, kind) else read(task, "_name"), "?")


def coroutine_name(coroutine: Any) -> str:
    """Return the qualified name of a coroutine, or "" for other awaitables."""
    kind = _known(coroutine)
    return text(getattr(coroutine, _CODE[kind]).co_qualname) if kind else ""


@dataclass(slots=True)
class Shape:
    """What is the same for all tasks whose coroutines are suspended at the same instructions.

    `readers` are those of the waiting functions, innermost first; `depth` counts these, `site` is the line above them, `guards`
    are the indexes of the frames with a `with` or a try around the await, `called` is the name of the outermost coroutine.
    """

    codes: list[CodeType]
    called: str
    stack: int
    readers: list[Reader | None]
    depth: int
    site: Location | None
    guards: list[int]
    timers: TimerKinds


def _shape(scene: Scene, chain: Chain) -> Shape:
    """Return the shape of a chain, worked out once for all that are equal."""
    key = (chain.skipped, *[(id(frame.f_code), frame.f_lasti) for frame in chain.frames])
    found: Shape | None = scene.shapes.get(key)
    if found is None:
        frames = chain.frames
        links = [(frame.f_code, frame.f_lineno or 0) for frame in frames]
        readers = _readers(frames)
        depth = len(readers)
        found = scene.shapes[key] = Shape(
            codes=[code for code, _ in links],  # Kept: the key is made of their addresses.
            called=text(links[0][0].co_qualname) if links else "",
            stack=scene.stack(links),
            readers=readers,
            depth=depth,
            site=location(*links[-1 - depth]) if depth < len(links) else None,
            guards=[index for index, frame in enumerate(frames) if frame.f_code.co_exceptiontable],
            timers=timer_kinds(),
        )
    return found


def _readers(frames: list[FrameType]) -> list[Reader | None]:
    """Climb from the innermost coroutine as long as it is a known waiting function."""
    found: list[Reader | None] = []
    for frame in reversed(frames):
        module = module_of(frame)
        place = (module, frame.f_code.co_qualname)
        if place not in TASK_WAITS and module not in IO_MODULES:
            break
        found.append(TASK_WAITS.get(place, _io))
    return found


_CODE: Final[dict[type, str]] = {CoroutineType: "cr_code", GeneratorType: "gi_code", AsyncGeneratorType: "ag_code"}
_CODE_TYPES: Final = tuple(_CODE)
_FRAME: Final[dict[type, str]] = {CoroutineType: "cr_frame", GeneratorType: "gi_frame", AsyncGeneratorType: "ag_frame"}
_NEXT: Final[dict[type, str]] = {
    CoroutineType: "cr_await",
    GeneratorType: "gi_yieldfrom",
    AsyncGeneratorType: "ag_await",
}


def _known(value: Any) -> type | None:
    if type(value) is CoroutineType:
        return CoroutineType
    return next((kind for kind in _CODE_TYPES if type(value) is kind), None)


def await_chain(outermost: Any) -> Chain:
    """Follow what a coroutine awaits. Wrappers without a frame (asend, coroutine_wrapper) are looked through."""
    at = outermost
    frames: list[FrameType] = []
    objects: list[Any] = []
    skipped = 0
    for _ in range(MOST_LINKS):
        if type(at) is CoroutineType:
            frame, after = at.cr_frame, at.cr_await
        elif (kind := _known(at)) is not None:
            frame, after = getattr(at, _FRAME[kind]), getattr(at, _NEXT[kind])
        elif _wrapper(at):
            at = next((inner for inner in gc.get_referents(at) if _known(inner)), None)
            continue
        else:
            break
        if frame is None:
            break
        if not module_of(frame).startswith("unjam."):
            frames.append(frame)
            objects.append(at)
        if len(frames) > KEEP_HEAD + 2 * KEEP_TAIL:
            skipped += len(frames) - KEEP_HEAD - KEEP_TAIL
            del frames[KEEP_HEAD:-KEEP_TAIL], objects[KEEP_HEAD:-KEEP_TAIL]
        at = after
    return Chain(frames, objects, skipped)


_WRAPPERS: Final = frozenset(
    {"async_generator_asend", "async_generator_athrow", "coroutine_wrapper", "anext_awaitable"}
)


def _wrapper(value: Any) -> bool:
    kind = type(value)
    return type.__dict__["__name__"].__get__(kind) in _WRAPPERS and class_dict(kind).get("__module__") is None


def _find_wait(shape: Shape, chain: Chain, waiter: Any) -> Target | None:
    """Return what the outermost of the waiting functions waits for, or the future itself; None for a task that is ready."""
    if waiter is None or waiter is MISSING:
        return None
    target: Target | None = None
    for frame, reader in zip(reversed(chain.frames), shape.readers, strict=False):
        found = reader(_values_for(reader, frame)) if reader is not None else None
        if found is not None and found[0] == "io":
            found = ("io", waiter)
        # A Condition that waits for its lock again waits for the lock.
        if found is not None and not (target and target[0] == "alock" and found[0] == "acondition"):
            target = found
    if target is None or target[0] == "future":
        target = ("future", target[1] if target else waiter)
    return target


def _values_for(reader: Reader, frame: FrameType) -> dict[str, Any]:
    """Return the locals of a frame where its reader needs them."""
    return {} if type(reader) is Fixed else local_values(frame)


_io: Final = Fixed("io")
