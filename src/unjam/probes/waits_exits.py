"""What the end of a `with` block will leave besides its own manager: those that an ExitStack has taken over."""

from __future__ import annotations

import sys
from collections import deque
from contextlib import AsyncExitStack, ExitStack
from types import (
    BuiltinMethodType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any, Final

from unjam.probes.waits_read import read

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_STACKS: Final = frozenset({id(ExitStack), id(AsyncExitStack)})
"""Addresses of the types that are followed; a class derived from one may do anything at its end."""
_EXITS: Final = frozenset({"__exit__", "__aexit__"})


def taken_over(value: object) -> Iterator[Any]:
    """Yield the managers that an exit stack will leave, those of stacks within it too; nothing for any other object.

    They are the `self` of the bound exits in its `_exit_callbacks` (contextlib, 3.11 to 3.15). What it calls by `callback` is
    wrapped, and not followed.
    """
    if id(type(value)) not in EXIT_STACKS:
        return
    callbacks = read(value, "_exit_callbacks")
    for _, leave in list(callbacks) if type(callbacks) is deque else ():
        if _is_exit(leave):
            yield leave.__self__
            yield from taken_over(leave.__self__)


_FUNCTIONS: Final = frozenset(map(id, (FunctionType, MethodDescriptorType, WrapperDescriptorType)))
_BOUND_IN_C: Final = frozenset(map(id, (BuiltinMethodType, MethodWrapperType)) if sys.version_info >= (3, 15) else ())
"""How the exits of C types are bound, which were the functions of a MethodType before."""


def _is_exit(leave: Any) -> bool:
    bound = type(leave) is MethodType
    function = leave.__func__ if bound else leave
    return id(type(function)) in (_FUNCTIONS if bound else _BOUND_IN_C) and function.__name__ in _EXITS
