"""Whether something alive can lay its hands on an object: a search along references, wide on purpose.

By names alone (waits_names) only what a frame's own code spells out is found. Here every attribute, closure and named global
counts, and every method of every class met on the way, because a call may lead anywhere. So not to find an object says much,
and to find it says little: the search only ever takes an accusation back.
"""

from __future__ import annotations

import gc
import sys
import weakref
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from unjam.probes.frame_values import local_values
from unjam.probes.waits_read import class_dict, is_a, mro, type_module

if TYPE_CHECKING:
    from collections.abc import Iterable

    from unjam.probes.waits_scene import Scene

MOST_OBJECTS: Final = 100_000
"""Objects looked into, some 0.2 s of CPU; with more of them nothing is concluded, which is silence."""
NESTED: Final = 4
"""Functions within functions whose names count as those of the outermost."""
_LEAVES: Final = frozenset(id(kind) for kind in (str, bytes, int, float, bool, complex, type(None), CodeType, range))


class Reach:
    """One search for some objects, given by address with their keys; `found` says for a key from where it was reached."""

    def __init__(self, scene: Scene, wanted: dict[int, str]) -> None:
        self.found: dict[str, str] = {}
        self._scene = scene
        self._wanted = wanted
        self._todo: list[Any] = []
        self._seen: set[int] = set()
        self._names: dict[int, tuple[CodeType, frozenset[str]]] = {}
        self._stops = _stops()

    @property
    def is_whole(self) -> bool:
        """Whether everything that can be reached was looked at."""
        return len(self._seen) < MOST_OBJECTS

    def from_frame(self, label: str, frame: FrameType) -> None:
        """Search from what a frame has in its hands and its code names."""
        values = list(local_values(frame).values())
        self.from_values(label, values + self._named(frame.f_code, frame.f_globals))

    def from_values(self, label: str, values: Iterable[Any]) -> None:
        """Search from some objects."""
        self._todo += values
        while self._todo and self.is_whole:
            value = self._todo.pop()
            address = id(value)
            if address in self._seen or id(type(value)) in _LEAVES:
                continue
            self._seen.add(address)
            key = self._wanted.get(address)
            if key is not None:
                self.found.setdefault(key, label)
            self._todo += self._inside(value)
            self._scene.pause()
        self._todo.clear()

    def _inside(self, value: Any) -> list[Any]:
        kind = type(value)
        if kind is FunctionType:
            given = (value.__defaults__, value.__kwdefaults__)
            return [*(value.__closure__ or ()), *given, *self._named(value.__code__, value.__globals__)]
        if is_a(value, type):
            module = type_module(value)
            return [] if _is_stdlib(module) or _is_our_own(module) else list(class_dict(value).values())
        if kind is weakref.ref:
            target = value()
            return [] if target is None else [target]
        if any(is_a(value, stop) for stop in self._stops) or _is_our_own(type_module(kind)):
            return []
        # The class of an instance brings its methods; those of its bases come with it.
        return [*gc.get_referents(value), *mro(kind)[1:-1]]

    def _named(self, code: CodeType, names_to: dict[str, Any]) -> list[Any]:
        """Return the globals that a code names, and what it names of the modules among them."""
        module = dict.get(names_to, "__name__")
        if _is_stdlib(module) or _is_our_own(module):
            return []
        names = self._names_of(code)
        found = [value for name in names if (value := dict.get(names_to, name)) is not None]
        found += [module for name in names if (module := sys.modules.get(name)) is not None]  # It may yet import it.
        for value in list(found):
            if type(value) is ModuleType and not _is_stdlib(dict.get(value.__dict__, "__name__")):
                found += [inner for name in names if (inner := dict.get(value.__dict__, name)) is not None]
        return found

    def _names_of(self, code: CodeType) -> frozenset[str]:
        known = self._names.get(id(code))
        if known is None:
            names, level = set(code.co_names), [code]
            for _ in range(NESTED):
                level = [inner for outer in level for inner in outer.co_consts if type(inner) is CodeType]
                names.update(name for inner in level for name in inner.co_names)
            known = self._names[id(code)] = code, frozenset(names)
        return known[1]


def _is_stdlib(module: Any) -> bool:
    return type(module) is str and module.partition(".")[0] in sys.stdlib_module_names and module != "__main__"


def _is_our_own(module: Any) -> bool:
    """Whether it is of what watches: that has its hands on everything, and ends nobody's wait. The bridge is the program's."""
    return type(module) is str and module.startswith("unjam.") and not module.startswith("unjam.bridge.")


def _stops() -> tuple[Any, ...]:
    """Return the types whose objects give no access to what they work on: who has a task has not got its variables."""
    wanted = (
        ("_asyncio", "Future"),
        ("asyncio.futures", "Future"),
        ("asyncio.events", "AbstractEventLoop"),
        ("uvloop.loop", "Loop"),
        ("threading", "Thread"),
    )
    found = [getattr(sys.modules.get(module), name, None) for module, name in wanted]
    return (FrameType, ModuleType, *[kind for kind in found if kind is not None])
