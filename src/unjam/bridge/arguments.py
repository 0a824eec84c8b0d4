"""What is looked at of what users hand in, so that it is refused where it is written."""

from __future__ import annotations

from functools import partial
from inspect import iscoroutinefunction
from typing import Any

from unjam.errors import UsageError


def whole(name: str, value: Any, least: int) -> None:
    """Refuse what is no whole number of at least `least`."""
    if not isinstance(value, int) or value < least:
        raise UsageError(f"{name} must be a whole number of at least {least}, not {value!r}")


def is_async(fn: Any) -> bool:
    """Whether to call it only makes a coroutine: an `async def`, or an object of which `__call__` is one."""
    while isinstance(fn, partial):
        fn = fn.func
    return iscoroutinefunction(fn) or iscoroutinefunction(getattr(type(fn), "__call__", None))  # noqa: B004 - it is not called


def refuse_async(fn: Any) -> None:
    """Refuse to call in a thread what only makes a coroutine there."""
    if is_async(fn):
        name = getattr(fn, "__qualname__", repr(fn))
        raise UsageError(f"{name} is a coroutine function, which needs no thread: await {name}(...) on the loop")
