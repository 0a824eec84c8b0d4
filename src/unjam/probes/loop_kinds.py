"""What kind of loop it is, by its type alone: asyncio's own, uvloop's, or another; and what can be read from such a loop."""

from __future__ import annotations

import sys
from typing import Any

from unjam.probes.names import module_name, type_name

MOST_TYPES = 16
"""Types of loops that are kept; a program that makes types of loops has them looked at anew."""


class Kind:
    """The type, its whole name, and whose loop it is."""

    __slots__ = ("cls", "is_asyncio", "is_uvloop", "name")

    def __init__(self, cls: type, name: str, *, is_asyncio: bool, is_uvloop: bool) -> None:
        self.cls, self.name, self.is_asyncio, self.is_uvloop = cls, name, is_asyncio, is_uvloop


_kinds: dict[int, Kind] = {}
"""By the identity of the type: a class may have a hash of its own. Programs have one or two, and test suites thousands of loops."""


def kind_of(loop: Any) -> Kind:
    """The kind of a loop. Nothing of the loop itself is asked."""
    cls = type(loop)
    known = _kinds.get(id(cls))
    if known is None:
        if len(_kinds) >= MOST_TYPES:
            _kinds.clear()
        known = _kinds[id(cls)] = _looked_at(cls)
    return known


def _looked_at(cls: type) -> Kind:
    base = getattr(sys.modules.get("asyncio.base_events"), "BaseEventLoop", None)
    return Kind(
        cls,
        f"{module_name(cls)}.{type_name(cls)}",
        is_asyncio=any(each is base for each in cls.__mro__),
        is_uvloop=any(module_name(each) == "uvloop.loop" for each in cls.__mro__),
    )


def is_closed(loop: Any) -> bool:
    """Whether it can never run again, as far as that is known."""
    kind = kind_of(loop)
    if kind.is_asyncio:
        return getattr(loop, "_closed", None) is True
    return kind.is_uvloop and loop.is_closed()


def epoll_fd(loop: Any) -> int:
    """The descriptor that the loop waits on; -1 where it is not known."""
    kind = kind_of(loop)
    if kind.is_uvloop:
        fd = loop._get_backend_id()
    else:
        # Never vars(loop): it makes CPython keep a real dict for the loop, which slows its every attribute down for good.
        selector: Any = getattr(loop, "_selector", None) if kind.is_asyncio else None
        selectors: Any = sys.modules.get("selectors")
        epoll = getattr(selectors, "EpollSelector", None)
        fd = selector.fileno() if epoll is not None and type(selector) is epoll else -1
    return fd if type(fd) is int else -1
