"""Reading objects of the watched program without running a line of it: no getattr, isinstance, repr, == or hash.

Only type(), the C-level fields of exact built-in types, plain instance dictionaries and `gc.get_referents` are used: every
other way to look at an object may call code of the program, which may raise, block or never return.
"""

from __future__ import annotations

import functools
import weakref
from types import (
    BuiltinMethodType,
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
)
from typing import Any, Final

MISSING: Final = object()
NAME_LIMIT = 200
"""Characters kept of a name that the program chose: enough for people, too few to fill a dump with one name."""

METHODS: Final = (MethodType, BuiltinMethodType, *BuiltinMethodType.__subclasses__())
"""All types of bound methods; the last one is that of C methods that are told their class, such as Future.set_result from 3.12 on."""

class_dict = type.__dict__["__dict__"].__get__
"""Return what a class itself stores, past any metaclass."""
_TYPE_MRO = type.__dict__["__mro__"].__get__
_TYPE_MODULE = type.__dict__["__module__"].__get__
_TYPE_NAME = type.__dict__["__qualname__"].__get__
_SAFE_GETSET_MODULES = frozenset({"_asyncio", "_thread"})
"""Modules whose C getters are known to run no code of the program."""


def mro(kind: type) -> tuple[type, ...]:
    """Return the bases of a type, past any metaclass."""
    found: tuple[type, ...] = _TYPE_MRO(kind)
    return found


def type_module(kind: type) -> str:
    """Return the module of a type, past any metaclass; "" where it is no string."""
    try:
        found = _TYPE_MODULE(kind)
    except AttributeError:
        return ""
    return found if type(found) is str else ""


def is_a(value: object, base: type | None) -> bool:
    """Say whether the real type of `value` derives from `base`: `isinstance` would ask `__class__` and `__instancecheck__`."""
    kind = type(value)
    if kind is base:
        return True
    # Asked for each object of a large process: any() takes three times as long.
    for entry in _TYPE_MRO(kind):
        if entry is base:
            return base is not None
    return False


def exactly(value: object, kinds: tuple[type, ...]) -> bool:
    """Say whether the type is one of these; `in` would compare types, and a metaclass may define ==."""
    return any(type(value) is kind for kind in kinds)


class _Plain:
    """As most classes are."""


_DICT_OF_PLAIN = class_dict(_Plain)["__dict__"]
"""How instances of such a class give their dictionary: all of them by one descriptor of `object` from CPython 3.15 on."""


def own_dict(value: object) -> dict[str, Any]:
    """Return the instance dictionary, or an empty one where there is none or the class puts code in its place."""
    for entry in mro(type(value)):
        shadow = class_dict(entry).get("__dict__", MISSING)
        if shadow is MISSING:
            continue
        if type(shadow) is not GetSetDescriptorType and type(shadow) is not MemberDescriptorType:
            return {}
        if shadow is not _DICT_OF_PLAIN and shadow.__objclass__ is not entry:
            return {}
        break
    else:
        return {}
    found = object.__getattribute__(value, "__dict__")
    return found if type(found) is dict else {}


def read(value: object, name: str) -> Any:
    """Return an attribute that is stored, not computed; MISSING where there is none."""
    for entry in mro(type(value)):
        descriptor = class_dict(entry).get(name, MISSING)
        if descriptor is not MISSING:
            return _described(value, name, descriptor)
    try:
        return object.__getattribute__(value, name)  # no class defines it: a look into the instance only
    except AttributeError:
        return MISSING


def _described(value: object, name: str, descriptor: Any) -> Any:
    safe = type(descriptor) is MemberDescriptorType or (
        type(descriptor) is GetSetDescriptorType and descriptor.__objclass__.__module__ in _SAFE_GETSET_MODULES
    )
    try:
        return descriptor.__get__(value, type(value)) if safe else own_dict(value).get(name, MISSING)
    except AttributeError:
        return MISSING


def number(value: object, name: str) -> int | None:
    """Return a stored int (not a bool, not a subclass), else None."""
    found = read(value, name)
    return found if type(found) is int else None


def text(value: object, fallback: str = "") -> str:
    """Return a program's string made fit for a terminal and a line: cut, control characters escaped; else `fallback`."""
    if type(value) is not str:
        return fallback
    short = value if len(value) <= NAME_LIMIT else value[: NAME_LIMIT - 1] + "…"
    return short if short.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in short)


def type_name(value: object) -> str:
    """Return module and qualified name of an object's real type."""
    kind = type(value)
    module = class_dict(kind).get("__module__", "")
    name = text(_TYPE_NAME(kind), "?")
    return f"{module}.{name}" if type(module) is str and module not in {"builtins", ""} else name


def callable_name(value: Any) -> str:
    """Return the qualified name of a function, a method, a generator, a built-in, or what a partial of one calls; else ""."""
    for _ in range(8):
        if type(value) is functools.partial:
            # asyncio.to_thread sends `partial(context.run, function, ...)`.
            through = is_a(value.func, BuiltinMethodType) and value.func.__name__ == "run" and bool(value.args)
            value = value.args[0] if through else value.func
        elif type(value) is MethodType:
            value = value.__func__
        else:
            break
    if type(value) is FunctionType:
        return text(value.__code__.co_qualname)
    if type(value) is GeneratorType:
        return text(value.gi_code.co_qualname)
    return text(value.__qualname__) if is_a(value, BuiltinMethodType) else ""


class Identities:
    """Numbers for objects that are never given to a second one, unlike id() and unlike a thread's ident."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], int]] = {}
        self._next = 0

    def serial(self, value: object) -> int:
        """Return the object's number: the same as long as it lives; a new one each time where it bears no weak reference."""
        known = self._known.get(id(value))
        if known is not None and known[0]() is value:
            return known[1]
        self._next += 1
        try:
            self._known[id(value)] = (weakref.ref(value), self._next)
        except TypeError:
            self._known.pop(id(value), None)
        return self._next

    def forget_dead(self) -> None:
        """Drop the numbers of objects that are gone."""
        self._known = {key: entry for key, entry in self._known.items() if entry[0]() is not None}
