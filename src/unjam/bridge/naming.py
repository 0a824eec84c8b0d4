"""What a call is called and where it is written, read from fields that the interpreter owns: no object of the program is asked."""

from __future__ import annotations

from functools import partial
from types import BuiltinFunctionType, FunctionType, GeneratorType, MethodType, ModuleType
from typing import NamedTuple

# The slots of `type` itself: a metaclass may define its own, which a plain attribute would run.
_QUALNAME_OF = type.__dict__["__qualname__"].__get__
_MRO_OF = type.__dict__["__mro__"].__get__

# Partials of partials that are followed; a cycle of them has no end.
DEEPEST = 8


class Named(NamedTuple):
    """A function's qualified name, and where it is defined ("" and 0: not in Python)."""

    name: str
    file: str = ""
    line: int = 0


def named(fn: object) -> Named:
    """Describe what can be called, or a generator; an object of unknown make by its type's name."""
    for _ in range(DEEPEST):
        if type(fn) is not partial:
            break
        fn = fn.func
    if type(fn) is MethodType:
        fn = fn.__func__
    if type(fn) is FunctionType:
        return Named(fn.__qualname__, fn.__code__.co_filename, fn.__code__.co_firstlineno)
    if type(fn) is GeneratorType:
        return Named(fn.__qualname__, fn.gi_code.co_filename, fn.gi_code.co_firstlineno)
    if type(fn) is BuiltinFunctionType:
        return Named(_of_builtin(fn))
    return Named(_QUALNAME_OF(fn if _is_class(fn) else type(fn)))


def _of_builtin(fn: BuiltinFunctionType) -> str:
    """Its `__qualname__` would ask its object's class for one."""
    owner = fn.__self__
    if owner is None or type(owner) is ModuleType:
        return fn.__name__
    return f"{_QUALNAME_OF(owner if _is_class(owner) else type(owner))}.{fn.__name__}"


def _is_class(value: object) -> bool:
    return type in _MRO_OF(type(value))
