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
    if type(callback) is MethodType or type(callback) is BuiltinMethodType:
        owner = callback.__self__
    elif type_name(type(callback)) == "TaskStepMethWrapper":
        # A type of C that is not exported. What it refers to is its task (and, since 3.12, its type).
        owner = next((held for held in gc.get_referents(callback) if not _is_type(held)), None)
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
    return type_name(value if _is_type(value) else type(value))


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
    # `in` would call a metaclass of the program; the second is the one in Python, of which eager loops make use.
    known = (tasks.Task, getattr(tasks, "_PyTask", tasks.Task))
    return next((base for base in type.__dict__["__mro__"].__get__(cls) for task in known if base is task), None)


def _is_type(value: Any) -> bool:
    """Whether it is a class; isinstance() would ask the object for its `__class__`."""
    return any(base is type for base in type.__dict__["__mro__"].__get__(type(value)))


def _qualname(coroutine: Any) -> str:
    if type(coroutine) in {CoroutineType, GeneratorType, AsyncGeneratorType}:
        return printable(coroutine.__qualname__)
    return type_name(type(coroutine))


def _code(coroutine: Any) -> CodeType | None:
    if type(coroutine) is CoroutineType:
        return coroutine.cr_code
    return coroutine.gi_code if type(coroutine) is GeneratorType else None
