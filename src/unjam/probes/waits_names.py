"""How the program's own code calls an object: `LOCK`, `self.lock`, `account.locks[1]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from unjam.probes.frame_values import local_values
from unjam.probes.waits_read import MISSING, class_dict, mro, own_dict, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

DEPTH: Final = 2
"""Attributes followed from a name: `a.b.lock`; deeper ones are rarely written in one expression."""
ITEMS: Final = 64
"""Items looked at in a list or a dict."""
CANDIDATES: Final = 4000
"""Objects looked at for one frame."""


def reachable(frame: FrameType) -> Iterator[tuple[str, Any]]:
    """Yield expressions over the names that the frame's code uses, with their objects, simplest first."""
    names = frozenset(frame.f_code.co_names)
    level = list(local_values(frame).items())
    level += [(name, frame.f_globals[name]) for name in names if name in frame.f_globals]
    seen = 0
    for depth in range(DEPTH + 1):
        deeper: list[tuple[str, Any]] = []
        for path, value in level:
            seen += 1
            if seen > CANDIDATES:
                return
            yield path, value
            if depth < DEPTH:
                deeper += _parts(path, value, names)
        level = deeper


def _parts(path: str, value: Any, names: frozenset[str]) -> list[tuple[str, Any]]:
    if type(value) is list or type(value) is tuple:
        return [(f"{path}[{index}]", item) for index, item in enumerate(value[:ITEMS])]
    if type(value) is dict and len(value) <= ITEMS:
        return [(f"{path}[{text(key)!r}]", item) for key, item in list(value.items()) if type(key) is str]
    return [(f"{path}.{name}", found) for name in names if (found := _stored(value, name)) is not MISSING]


def _stored(value: Any, name: str) -> Any:
    """Return an attribute as stored in an object, its class or, for a class, its bases; never a computed one."""
    found = own_dict(value).get(name, MISSING)
    if found is not MISSING:
        return found
    for entry in mro(value if type(value) is type else type(value)):
        if entry is not object and name in (held := class_dict(entry)):
            return held[name]
    return MISSING
