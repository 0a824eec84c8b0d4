"""Every asyncio task: its await chain down to the innermost coroutine, what that waits for, and which time-outs guard it."""

from __future__ import annotations

import gc
import sys
import time
from dataclasses import dataclass, field
from types import (
    AsyncGeneratorType,
    BuiltinMethodType,
    CodeType,
    CoroutineType,
    FrameType,
    GeneratorType,
    MethodType,
)
from typing import TYPE_CHECKING, Any, Final

from unjam.model.findings import Grade, Location
from unjam.probes.waits_names import local_values
from unjam.probes.waits_read import MISSING, class_dict, is_a, own_dict, read, text
from unjam.probes.waits_scene import Claim, Scene, location
from unjam.probes.waits_table import IO_MODULES, TASK_WAITS, Target, module_of
from unjam.probes.waits_threads import give_name, note_held

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_LINKS: Final = 60_000
"""Links walked of one await chain; the walk is a loop, so depth costs time only."""
KEEP_HEAD: Final = 20
KEEP_TAIL: Final = 80
"""Links of a chain whose frames are looked at: the outermost and the innermost ones."""


@dataclass(slots=True)
class Chain:
    """The await chain of one task, outermost first, with the frames of its suspended coroutines."""

    links: list[tuple[CodeType, int]] = field(default_factory=list)
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
    state = read(task, "_state")
    if state != "PENDING" and type(state) is str:
        return None
    coroutine = read(task, "_coro")
    waiter = read(task, "_fut_waiter")
    chain = await_chain(coroutine)
    target, depth = _find_wait(chain, waiter)
    user = chain.links[-1 - depth] if depth < len(chain.links) else None
    name = _name(task)
    called = coroutine_name(coroutine)
    running = type(coroutine) is CoroutineType and coroutine.cr_running
    seen = TaskSeen(
        key=task_key(scene, task),
        task=task,
        label=f"task '{name}'" + (f" ({called})" if called else ""),
        coroutine=called,
        loop=read(task, "_loop"),
        running=running,
        waiter=None if waiter is MISSING else waiter,
        target=target,
        site=location(*user) if user else None,
        ends_ms=None,
        sig=_signature(scene, chain, waiter),
        stack=scene.stack(chain.links),
        frames=[id(frame) for frame in chain.frames],
    )
    if chain.skipped:
        scene.truncated["await links"] = scene.truncated.get("await links", 0) + chain.skipped
    if not running:
        _look_inside(scene, seen, chain)
        if target is not None and depth < len(chain.frames):
            give_name(scene, chain.frames[-1 - depth], target[1])
    return seen


def _signature(scene: Scene, chain: Chain, waiter: Any) -> str:
    inner = chain.frames[-1].f_lasti if chain.frames else -1
    return f"{inner}:{scene.identities.serial(waiter) if waiter is not None and waiter is not MISSING else 0}"


def _name(task: Any) -> str:
    asyncio_c = sys.modules.get("_asyncio")
    kind = getattr(asyncio_c, "Task", None)
    return text(kind.get_name(task) if kind is not None and is_a(task, kind) else read(task, "_name"), "?")


def coroutine_name(coroutine: Any) -> str:
    """Return `module.qualname` of a coroutine, or "" for other awaitables."""
    kind = _known(coroutine)
    return text(getattr(coroutine, _CODE[kind]).co_qualname) if kind else ""


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
    chain, at = Chain(), outermost
    tail: list[tuple[CodeType, FrameType, Any]] = []
    for _ in range(MOST_LINKS):
        kind = _known(at)
        if kind is None:
            at = next((inner for inner in gc.get_referents(at) if _known(inner)), None) if _wrapper(at) else None
            if at is None:
                break
            continue
        frame = getattr(at, _FRAME[kind])
        if frame is None:
            break
        if not module_of(frame).startswith("unjam."):
            tail.append((frame.f_code, frame, at))
        if len(tail) > KEEP_HEAD + 2 * KEEP_TAIL:
            chain.skipped += len(tail) - KEEP_HEAD - KEEP_TAIL
            del tail[KEEP_HEAD:-KEEP_TAIL]
        at = getattr(at, _NEXT[kind])
    for code, frame, value in tail:
        chain.links.append((code, frame.f_lineno or 0))
        chain.frames.append(frame)
        chain.objects.append(value)
    return chain


_WRAPPERS: Final = frozenset(
    {"async_generator_asend", "async_generator_athrow", "coroutine_wrapper", "anext_awaitable"}
)


def _wrapper(value: Any) -> bool:
    kind = type(value)
    return type.__dict__["__name__"].__get__(kind) in _WRAPPERS and class_dict(kind).get("__module__") is None


def _find_wait(chain: Chain, waiter: Any) -> tuple[Target | None, int]:
    """Climb from the innermost coroutine through known waiting functions; returns what for, and how many were climbed."""
    target: Target | None = None
    depth = 0
    for frame in reversed(chain.frames):
        module = module_of(frame)
        place = (module, frame.f_code.co_qualname)
        if place not in TASK_WAITS and module not in IO_MODULES:
            break
        known = TASK_WAITS.get(place, _io)
        depth += 1
        found = known(local_values(frame)) if known is not None else None
        if found is not None and found[0] == "io":
            found = ("io", waiter)
        # A Condition that waits for its lock again waits for the lock.
        if found is not None and not (target and target[0] == "alock" and found[0] == "acondition"):
            target = found
    pending = waiter is not None and waiter is not MISSING
    if target is None or target[0] == "future":
        awaited = target[1] if target else waiter
        target = ("future", awaited) if pending else None
    return (target if pending else None), depth


def _io(_values: dict[str, Any]) -> Target:
    return "io", None


def _look_inside(scene: Scene, seen: TaskSeen, chain: Chain) -> None:
    """Find the time-outs around a suspended task, and the locks that its coroutines hold."""
    whens: list[float] = []
    for frame, value in zip(chain.frames, chain.objects, strict=True):
        if not frame.f_code.co_exceptiontable:
            continue  # Neither a `with` nor a try around the await.
        inside = gc.get_referents(value)
        owners = _bound(inside)
        whens += _deadlines(inside, owners)
        if owners:
            known = {id(owner): owner for owner in owners}
            note_held(scene, frame, Claim(seen.key, "is held by", Grade.EXACT, ""), set(), known)
    if whens:
        seen.ends_ms = max(0.0, (min(whens) - time.monotonic()) * 1e3)


def _bound(inside: Iterable[Any]) -> list[Any]:
    """Return the objects of bound methods: a suspended `with` keeps the one of its exit."""
    return [value.__self__ for value in inside if type(value) is MethodType or type(value) is BuiltinMethodType]


def _deadlines(inside: Iterable[Any], owners: list[Any]) -> list[float]:
    """Return when timers held by these objects fire, in seconds of the loop's clock, CLOCK_MONOTONIC on every known loop.

    `asyncio.wait_for` of 3.11 has a timer among its locals; time-outs in `with` are found by the object of their exit, those
    of anyio inside a generator of contextlib.
    """
    found: list[float] = []
    kinds = timer_types()
    for value in inside:
        kind = type(value)
        if kind is kinds[0] or kind is kinds[1]:
            found += timer_when(value)
    for owner in owners:
        fields = own_dict(owner)
        for name in _TIMER_FIELDS:
            found += timer_when(fields.get(name))
        generator = fields.get("gen")
        if type(generator) is GeneratorType:
            deeper = gc.get_referents(generator)
            found += _deadlines(deeper, [])
            found += [
                when for scope in _bound(deeper) for name in _TIMER_FIELDS for when in timer_when(read(scope, name))
            ]
    return found


_TIMER_FIELDS: Final = ("_timeout_handler", "_timeout_handle")
"""Of an asyncio.Timeout and an async_timeout.Timeout; of an anyio.CancelScope."""


def timer_types() -> tuple[Any, Any]:
    """Return the types of timers of asyncio and of uvloop, None for one that is not imported."""
    events, uvloop = sys.modules.get("asyncio.events"), sys.modules.get("uvloop.loop")
    return getattr(events, "TimerHandle", None), getattr(uvloop, "TimerHandle", None)


def timer_when(value: Any) -> list[float]:
    """Return when a TimerHandle of asyncio or uvloop fires; nothing for anything else and for a cancelled one."""
    if value is None:
        return []
    ours, uvloops = timer_types()
    if type(value) is ours:
        when = read(value, "_when")
        return [when] if type(when) is float and read(value, "_cancelled") is False else []
    if type(value) is uvloops:
        return [item for item in gc.get_referents(value) if type(item) is float][:1]
    return []
