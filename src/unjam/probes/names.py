"""Who a step belongs to: the names of tasks, coroutines and callbacks, read without running any code of the program.

A user's `__repr__`, `__str__`, `__getattr__` or property may do anything, block, or raise, so objects are asked only for what
their exact built-in type is known to give; everything else is named by its type.
"""

from __future__ import annotations

import gc
import sys
from functools import partial
from types import (
    AsyncGeneratorType,
    BuiltinMethodType,
    CodeType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodType,
)
from typing import Any

from unjam.model.lines import printable
from unjam.probes.callables import MRO_OF, is_class

_FLAGS_OF = type.__dict__["__flags__"].__get__
"""The field of `type` itself, past any metaclass."""

_SUSPENDED = frozenset(map(id, (CoroutineType, GeneratorType, AsyncGeneratorType)))
"""By id: to look for a type itself asks its metaclass for a hash, which may be the program's, or refuse."""

_step_type: Any = None

_IMMUTABLE = 1 << 8
"""Py_TPFLAGS_IMMUTABLETYPE: the type is of C."""

DEEPEST_PARTIAL = 5
"""Partials inside partials that are looked into."""


def type_name(cls: type) -> str:
    """The qualified name of a type, past any metaclass."""
    return printable(type.__dict__["__qualname__"].__get__(cls))


def module_name(cls: type) -> str:
    """The module of a type, past any metaclass."""
    return printable(type.__dict__["__module__"].__get__(cls))


def task_of(callback: Any) -> Any:
    """The task whose step or wake-up a callback is; None where it is something else."""
    kind = type(callback)
    if kind is MethodType or kind is BuiltinMethodType:
        owner = callback.__self__
    elif _is_step(kind):
        # What it refers to is its task (and, since 3.12, its type).
        owner = None
        for held in gc.get_referents(callback):
            if not is_class(held):
                owner = held
                break
    else:
        return None
    return owner if _task_base(type(owner)) is not None else None


def task(value: Any) -> dict[str, Any] | None:
    """The `task` of an event: its name, its coroutine, and where that is defined; None where it is no asyncio task."""
    base = _task_base(type(value))
    if base is None:
        return None
    coroutine = base.get_coro(value)
    code = _code(coroutine)
    return {
        "name": printable(base.get_name(value)),
        "coroutine": _qualname(coroutine),
        "file": code.co_filename if code else None,
        "line": code.co_firstlineno if code else None,
    }


def coroutine_of(task: Any) -> str:
    """The qualified name of a task's coroutine; "" where it is no asyncio task."""
    base = _task_base(type(task))
    return "" if base is None else _qualname(base.get_coro(task))


def callable_name(value: Any) -> str:
    """The qualified name of a callable."""
    for _ in range(DEEPEST_PARTIAL):
        if type(value) is not partial:
            break
        value = value.func
    if type(value) is MethodType:
        value = value.__func__
    if type(value) is FunctionType:
        return printable(value.__qualname__)
    if type(value) is BuiltinMethodType:
        own = value.__module__ in {None, "builtins"}
        return printable(value.__qualname__ if own else f"{value.__module__}.{value.__qualname__}")
    return type_name(value if is_class(value) else type(value))


def callable_code(value: Any) -> CodeType | None:
    """The code that a callable runs, where it is Python."""
    for _ in range(DEEPEST_PARTIAL):
        if type(value) is not partial:
            break
        value = value.func
    if type(value) is MethodType:
        value = value.__func__
    return value.__code__ if type(value) is FunctionType else None


def _task_base(cls: type) -> Any:
    """The class of asyncio from which a task class inherits; None where it is no task class."""
    tasks: Any = sys.modules.get("asyncio.tasks")
    if tasks is None:
        return None
    if cls is tasks.Task:
        return cls
    # `in` would call a metaclass of the program; the second is the one in Python, of which eager loops make use.
    known = (tasks.Task, getattr(tasks, "_PyTask", tasks.Task))
    return next((base for base in MRO_OF(cls) for task in known if base is task), None)


def _is_step(kind: type) -> bool:
    """Whether it is the type of what a task of C has its loop call, which is not exported; every class of a program can be changed."""
    global _step_type  # noqa: PLW0603 -- there is one in a process
    if kind is _step_type:
        return True
    if _FLAGS_OF(kind) & _IMMUTABLE and type_name(kind) == "TaskStepMethWrapper":
        _step_type = kind
    return kind is _step_type


def _qualname(coroutine: Any) -> str:
    if id(type(coroutine)) in _SUSPENDED:
        return printable(coroutine.__qualname__)
    return type_name(type(coroutine))


def _code(coroutine: Any) -> CodeType | None:
    if type(coroutine) is CoroutineType:
        return coroutine.cr_code
    return coroutine.gi_code if type(coroutine) is GeneratorType else None
