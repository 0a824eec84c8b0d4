"""What a suspended coroutine has around its await: the time-outs that would end the wait, and the locks that it holds."""

from __future__ import annotations

import gc
import itertools
import sys
import time
from types import FunctionType, GeneratorType, MemberDescriptorType, MethodDescriptorType, WrapperDescriptorType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from unjam.model.findings import Grade
from unjam.probes.waits_memory import TAGGED
from unjam.probes.waits_read import METHODS, class_dict, mro, own_dict, read, text
from unjam.probes.waits_scene import Claim, Scene
from unjam.probes.waits_threads import note_held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from unjam.probes.waits_tasks import Chain


class TimerKinds(NamedTuple):
    """The types of timers of asyncio and of uvloop, None for one that is not imported.

    `telling` are the types, by address, of what is worth looking at inside a coroutine: timers, and methods, among which the
    exits of its `with` blocks are. `when` and `cancelled` read a timer of asyncio.
    """

    ours: Any
    uvloops: Any
    telling: frozenset[int]
    when: Callable[[Any], Any]
    cancelled: Callable[[Any], Any]


def timer_kinds() -> TimerKinds:
    """Return them as they are imported now."""
    events, uvloop = sys.modules.get("asyncio.events"), sys.modules.get("uvloop.loop")
    ours, uvloops = kinds = getattr(events, "TimerHandle", None), getattr(uvloop, "TimerHandle", None)
    telling = frozenset(id(kind) for kind in (*METHODS, *kinds) if kind is not None)
    return TimerKinds(ours, uvloops, telling, _getter(ours, "_when"), _getter(ours, "_cancelled"))


def _getter(kind: Any, name: str) -> Callable[[Any], Any]:
    """Return what reads a slot of objects of exactly that type: their descriptor, where it is one of C."""
    found = next((held[name] for base in mro(kind) if name in (held := class_dict(base))), None) if kind else None
    getter: Callable[[Any], Any] = (
        found.__get__ if type(found) is MemberDescriptorType else lambda value: read(value, name)
    )
    return getter


def look_inside(scene: Scene, key: str, chain: Chain, guards: list[int], timers: TimerKinds) -> float | None:
    """Note the locks that the frames numbered `guards` hold; returns in how many ms the first time-out ends the wait, if any does."""
    whens: list[float] = []
    telling = timers.telling
    for index in guards:
        value = chain.objects[index]
        inside = gc.get_referents(value)
        if not TAGGED:  # there the neighbours of an exit tell as well
            inside = [each for each in inside if id(type(each)) in telling]
        if not inside:
            continue
        owners, exits = _managers(inside)
        whens += _deadlines(inside, owners, timers)
        if owners:
            claim = Claim(key, "is held by", Grade.EXACT, "")
            note_held(scene, chain.frames[index], claim, coroutine=value, exits=exits, known=owners)
    return max(0.0, (min(whens) - time.monotonic()) * 1e3) if whens else None


def _managers(inside: list[Any]) -> tuple[dict[int, Any], dict[int, Any]]:
    """Return the managers of the `with` blocks in which a coroutine is suspended, by their address and by that of the exit.

    It keeps the bound method of each exit, from CPython 3.14 on the function with its self right after it.
    """
    exits = {id(value): value.__self__ for value in inside if id(type(value)) in _METHODS}
    owners = {id(owner): owner for owner in exits.values()}
    if TAGGED:
        owners |= {id(after): after for value, after in itertools.pairwise(inside) if _exit_name(value) in _EXITS}
    return owners, exits


_METHODS: Final = frozenset(id(kind) for kind in METHODS)
_EXITS: Final = ("__exit__", "__aexit__")


def _exit_name(value: Any) -> str:
    """Return the name that a function or a method of a C type was defined with, "" for anything else."""
    kind = type(value)
    if kind is FunctionType:
        return text(value.__code__.co_name, "")
    return text(value.__name__, "") if kind is MethodDescriptorType or kind is WrapperDescriptorType else ""


def _deadlines(inside: Iterable[Any], owners: dict[int, Any], timers: TimerKinds) -> list[float]:
    """Return when timers held by these objects fire, in seconds of the loop's clock, CLOCK_MONOTONIC on every known loop.

    `asyncio.wait_for` of 3.11 has a timer among its locals; time-outs in `with` are found by the object of their exit, those
    of anyio inside a generator of contextlib.
    """
    found: list[float] = []
    for value in inside:
        kind = type(value)
        if kind is timers.ours or kind is timers.uvloops:
            found += _when(value, timers)
    for owner in owners.values():
        fields = own_dict(owner)
        for name in _TIMER_FIELDS:
            if (timer := fields.get(name)) is not None:
                found += _when(timer, timers)
        generator = fields.get("gen")
        if type(generator) is GeneratorType:
            deeper = gc.get_referents(generator)
            found += _deadlines(deeper, {}, timers)
            scopes = _managers(deeper)[0].values()
            found += [when for scope in scopes for name in _TIMER_FIELDS for when in _when(read(scope, name), timers)]
    return found


_TIMER_FIELDS: Final = ("_timeout_handler", "_timeout_handle")
"""Of an asyncio.Timeout and an async_timeout.Timeout; of an anyio.CancelScope."""


def _when(value: Any, timers: TimerKinds) -> list[float]:
    """Return when a TimerHandle of asyncio or uvloop fires; nothing for anything else and for a cancelled one."""
    if value is None:
        return []
    if type(value) is timers.ours:
        when = timers.when(value)
        return [when] if type(when) is float and timers.cancelled(value) is False else []
    if type(value) is timers.uvloops:
        return [item for item in gc.get_referents(value) if type(item) is float][:1]
    return []
