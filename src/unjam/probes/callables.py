"""What a callable is called and where it is written, without running any code of the program."""

from __future__ import annotations

from functools import partial
from types import BuiltinFunctionType, FunctionType, GeneratorType, MethodType
from typing import Any, NamedTuple

from unjam.model.lines import printable

DEEPEST_WRAPPING = 8
"""Wrappers of wrappers followed: real programs have three at the most, a cycle of hostile partials has no end."""

_MODULE_OF = type.__dict__["__module__"].__get__
_QUALNAME_OF = type.__dict__["__qualname__"].__get__
MRO_OF = type.__dict__["__mro__"].__get__
"""The slots of `type` itself: a metaclass of the program may define its own and would be run by a plain attribute."""


class Called(NamedTuple):
    """A callable by its qualified name; `file` and `line` are where it is defined, "" and 0 for C code."""

    name: str
    file: str
    line: int


def called(function: object) -> Called:
    """Describe a callable by type and by fields that the interpreter owns; an unknown object by its type's name."""
    return _of_exact_type(unwrapped(function))


def unwrapped(function: object) -> object:
    """The callable inside partials and inside the wrappers with which asyncio and asgiref send it to a thread."""
    for _ in range(DEEPEST_WRAPPING):
        if type(function) is not partial:
            break
        function = _carried(function)
    return function


def _carried(wrapper: partial[Any]) -> object:
    """`partial(Context.run, f)` of asyncio.to_thread carries f; asgiref's partial of its thread handler carries its last."""
    inner, arguments = wrapper.func, wrapper.args
    if type(inner) is BuiltinFunctionType and inner.__name__ == "run" and arguments:
        return arguments[0]
    if (
        type(inner) is MethodType
        and _name_of_function(inner.__func__).endswith("SyncToAsync.thread_handler")
        and arguments
    ):
        return arguments[-1]
    return inner


def _of_exact_type(function: object) -> Called:
    if type(function) is MethodType:
        function = function.__func__
    if type(function) is FunctionType:
        code = function.__code__
        return Called(_name_of_function(function), code.co_filename, code.co_firstlineno)
    if type(function) is BuiltinFunctionType:
        owner = function.__module__
        return Called(_dotted(owner if type(owner) is str else "", function.__qualname__), "", 0)
    if type(function) is GeneratorType:
        code = function.gi_code
        return Called(printable(function.__qualname__), code.co_filename, code.co_firstlineno)
    kind: Any = function if is_class(function) else type(function)
    return Called(_dotted(_MODULE_OF(kind), _QUALNAME_OF(kind)), "", 0)


def is_class(value: object) -> bool:
    """Whether it is a class, one with a metaclass too; isinstance() would ask the object for its `__class__`."""
    kind = type(value)
    if kind is type:
        return True
    for base in MRO_OF(kind):  # noqa: SIM110 -- a generator takes longer than all the rest
        if base is type:
            return True
    return False


def _name_of_function(function: object) -> str:
    if type(function) is not FunctionType:
        return "?"
    return _dotted(function.__module__, function.__qualname__)


def _dotted(module: object, name: str) -> str:
    known = type(module) is str and module not in {"", "__main__", "builtins"}
    return printable(f"{module}.{name}" if known else name)
