"""How probes change what belongs to others: each patch remembers the original and is undone only while still ours."""

from __future__ import annotations

import sys
from types import FunctionType

from unjam.failure import report_failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any


_INHERITED = object()
"""Stands for the original of an attribute that its owner did not have of itself."""


class Patches:
    """Attributes replaced, in order; `undo` puts them back in reverse, each only if nobody replaced ours since.

    What an owner had inherited, and so not of itself, is taken from it again.
    """

    def __init__(self) -> None:
        self._done: list[tuple[Any, str, object, object]] = []

    def replace(self, owner: Any, name: str, make: Callable[[Any], object]) -> None:
        """Set `owner.name` to `make(original)`; an owner that lacks it is left alone.

        `vars` is read rather than the attribute, so that classmethods and staticmethods keep their wrapper.
        """
        original = vars(owner).get(name)
        if original is None:
            return
        ours = _named_like(original, make(original))
        setattr(owner, name, ours)
        self._done.append((owner, name, original, ours))

    def override(self, owner: type, name: str, make: Callable[[Any], object]) -> None:
        """As `replace`, for a class that may have inherited the method: its bases, which others share, stay as they are."""
        original = next((vars(each)[name] for each in owner.__mro__ if name in vars(each)), None)
        if original is None:
            return
        inherited = name not in vars(owner)
        ours = _named_like(original, make(original))
        setattr(owner, name, ours)
        self._done.append((owner, name, _INHERITED if inherited else original, ours))

    def undo(self) -> None:
        """Put everything back that is still ours."""
        while self._done:
            owner, name, original, ours = self._done.pop()
            if vars(owner).get(name) is not ours:
                continue
            if original is _INHERITED:
                delattr(owner, name)
            else:
                setattr(owner, name, original)


def _named_like(original: object, ours: object) -> object:
    """A function in the place of another bears its name: it is what is told of where it waits to run."""
    if isinstance(ours, FunctionType) and isinstance(original, FunctionType):
        ours.__name__, ours.__qualname__ = original.__name__, original.__qualname__
    return ours


class ImportWatch:
    """A finder that calls back once a module has been imported, at once if it is there; it never imports anything itself.

    It keeps the protocol of `importlib.abc.MetaPathFinder` without inheriting from it: importing that would cost every
    process below `unjam run` several milliseconds.
    """

    def __init__(self) -> None:
        self._wanted: dict[str, list[Callable[[ModuleType], None]]] = {}

    def when_imported(self, name: str, callback: Callable[[ModuleType], None]) -> None:
        """Call `callback(module)` when the module of that name has been executed."""
        module = sys.modules.get(name)
        if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
            callback(module)
            return
        self._wanted.setdefault(name, []).append(callback)
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Forget everybody who waits."""
        self._wanted.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Let the other finders find it, and wrap its loader."""
        if fullname not in self._wanted:
            return None
        spec = _find_by_others(self, fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _CallingLoader(spec.loader, self)  # type: ignore[assignment] # see the class
        return spec

    def executed(self, module: ModuleType) -> None:
        """Call those who waited for the module."""
        while callbacks := self._wanted.pop(module.__name__, ()):  # one of them may have others wait for it
            for callback in callbacks:
                try:
                    callback(module)
                except Exception as error:  # noqa: BLE001 -- the program's import succeeded, ours is what failed
                    report_failure(f"{module.__name__} is not watched", error)


class _CallingLoader:
    """Loads as the original does, then gives the module its loader back and calls those who waited."""

    def __init__(self, original: Any, watch: ImportWatch) -> None:
        self._original = original
        self._watch = watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._original.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        if spec is not None:
            spec.loader = self._original
        module.__loader__ = self._original
        self._original.exec_module(module)
        self._watch.executed(module)


def _find_by_others(
    ours: ImportWatch, fullname: str, path: Sequence[str] | None, target: ModuleType | None
) -> ModuleSpec | None:
    """Ask the finders behind ours. Those before it have been asked, and one that does as ours does would ask us again."""
    behind = list(sys.meta_path)
    for finder in behind[behind.index(ours) + 1 :] if ours in behind else ():
        find_spec = getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = None if find_spec is None else find_spec(fullname, path, target)
        if spec is not None:
            return spec
    return None
