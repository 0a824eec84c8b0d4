"""What a suspended task waits for: its chain of awaits, and the future at the end of it.

Only fields that the interpreter or the standard library own are read; nothing of the program runs.
"""

from __future__ import annotations

import gc
import sys
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any

from unjam.model.lines import printable
from unjam.probes.callables import MRO_OF
from unjam.probes.names import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

DEEPEST_CHAIN = 200
"""Awaits followed in one task; what is deeper is told by its outermost part."""

_INNER = {id(CoroutineType): "cr_await", id(GeneratorType): "gi_yieldfrom", id(AsyncGeneratorType): "ag_await"}
_FRAME = {id(CoroutineType): "cr_frame", id(GeneratorType): "gi_frame", id(AsyncGeneratorType): "ag_frame"}
"""By the ids of types: to look for a type itself asks its metaclass for a hash, which may be the program's, or refuse."""


def is_task(thing: object) -> bool:
    """Whether it is a task of asyncio, by its type alone."""
    return _is_a("asyncio.tasks", ("Task", "_PyTask"), thing)


def is_future(thing: object) -> bool:
    """Whether it is a future of asyncio, by its type alone."""
    return _is_a("asyncio.futures", ("Future", "_PyFuture"), thing)


def frames_of(task: Any) -> list[FrameType]:
    """The frames of its chain of awaits, outermost first; tasks that it awaits in turn are not entered."""
    return list(_frames(_coroutine(task)))


def waits_for(task: Any) -> Any:
    """The future at the end of the chain; None where the task is running, ready or of a kind that does not tell."""
    return _of_task("_fut_waiter", task)


def describe_task(task: Any) -> dict[str, str]:
    """`name` and `coroutine`, its qualified name, each cut and escaped."""
    coroutine = _coroutine(task)
    name = getattr(coroutine, "__qualname__", "?") if id(type(coroutine)) in _INNER else type_name(type(coroutine))
    return {"name": printable(_of_task("get_name", task)), "coroutine": printable(name)}


def _is_a(module_name: str, names: tuple[str, ...], thing: object) -> bool:
    module = sys.modules.get(module_name)
    if module is None:
        return False
    wanted = [vars(module).get(name) for name in names]
    return any(base is kind for base in MRO_OF(type(thing)) for kind in wanted)


def _of_task(name: str, task: Any) -> Any:
    """Read a field, or call a method, of asyncio's own Task type on it, whatever a subclass made of it."""
    for base in MRO_OF(type(task)):
        found = base.__dict__.get(name) if base.__module__ in {"_asyncio", "asyncio.tasks"} else None
        if found is not None:
            bound = found.__get__(task, base)
            return bound() if callable(bound) and name.startswith("get_") else bound
    return task.__dict__.get(name) if name == "_fut_waiter" and type(task).__module__ == "asyncio.tasks" else None


def _coroutine(task: Any) -> Any:
    return _of_task("get_coro", task)


_WRAPPERS = frozenset({"async_generator_asend", "async_generator_athrow", "coroutine_wrapper", "anext_awaitable"})
"""Awaitables of the interpreter's own around a coroutine or an asynchronous generator, without a frame."""


def _wraps(awaited: object) -> bool:
    kind = type(awaited)
    return (
        type.__dict__["__module__"].__get__(kind) == "builtins" and type.__dict__["__name__"].__get__(kind) in _WRAPPERS
    )


def _frames(awaited: Any) -> Iterator[FrameType]:
    for _ in range(DEEPEST_CHAIN):
        if _wraps(awaited):
            awaited = next((inner for inner in gc.get_referents(awaited) if id(type(inner)) in _INNER), None)
        kind = id(type(awaited))
        if kind not in _INNER:
            return
        frame = getattr(awaited, _FRAME[kind])
        if frame is not None:
            yield frame
        awaited = getattr(awaited, _INNER[kind])
