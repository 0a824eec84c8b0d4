"""Where the twin hooks into a loop: its selector, its handles, or a timer where it has neither."""

from __future__ import annotations

import contextvars
import os
import sys
import time
import weakref
from _thread import get_ident
from collections.abc import Callable
from functools import partial
from types import BuiltinFunctionType, CodeType, FrameType, MethodWrapperType
from typing import Any

from unjam.native._twin_loop import BUCKETS, Slot
from unjam.native._twin_stacks import describe
from unjam.native._twin_tally import tallies

HEARTBEAT_NS = 10_000_000
"""A loop without a selector of Python is asked this often, or twice in a threshold: when it left is known to half of this either way."""

MOST_SITES = 1024
"""Scheduled C callables remembered: a loop with more of them waiting is not one where a single site explains a stall."""

_WITHOUT_FRAME = frozenset(map(id, (BuiltinFunctionType, MethodWrapperType, partial, type)))
"""By id: to look for a type itself asks its metaclass for a hash, which may be the program's, or refuse."""


def hook_selector(loop: Any, slot: Slot) -> bool:
    """See the turns of a loop that waits in a selector; False where it has none that can be wrapped."""
    selector: Any = getattr(loop, "_selector", None)
    select = getattr(selector, "select", None)
    # Never selector.__dict__: it makes CPython keep a real dict for it, which slows its every attribute down for good.
    if select is None or not type(selector).__dictoffset__:
        return False
    selector.select = timed_select = _timed_select(select, slot)

    def undo() -> None:
        if selector.select is timed_select:
            del selector.select

    slot.counts_turns, slot.undo = True, undo
    return True


def _timed_select(select: Callable[[float | None], Any], slot: Slot) -> Callable[..., Any]:
    clock, ended, began, lag, observers = time.monotonic_ns, slot.ended, slot.began, slot.lag, slot.observers

    def timed_select(timeout: float | None = None) -> Any:
        now = clock()
        length = now - slot.away_since
        # What `ended` and `began` do of a usual turn is written out: a server takes more turns than requests, and a call costs as much.
        if length < slot.short and not observers.tallies:
            lag[BUCKETS[length >> 10]] += 1
            if length > slot.longest_turn:  # noqa: PLR1730 -- comparing costs a third of calling max()
                slot.longest_turn = length
            slot.away_since = 0
            slot.turns += 1
            slot.away += length
        else:
            ended(now, timeout)
        try:
            return select(timeout)
        finally:
            slot.step_from = slot.away_since = now = clock()
            if now >= slot.note_at:
                began(now)
            else:
                slot.steps_before = slot.steps
                slot.late_at = now + slot.fifth

    return timed_select


def start_heartbeat(loop: Any, slot: Slot) -> None:
    """Ask a loop without a selector of Python, from its own thread, whether it still turns."""
    due = 0

    def beat() -> None:
        nonlocal due
        now, every = time.monotonic_ns(), min(HEARTBEAT_NS, slot.threshold // 2)
        # It may have left at any time since the beat before: half way is the best guess, and on the average right.
        length = now - slot.away_since
        if due and now - due >= every // 2:
            slot.longest_turn = max(slot.longest_turn, length)
            if length >= slot.threshold:
                slot.stalled(slot.away_since, now)
        due, slot.away_since = now + every, now + every // 2
        slot.note(now)
        slot.undo = loop.call_later(every / 1e9, beat).cancel

    beat()


class Usual:
    """The first loop that is watched, for as long as it is, and its slot: most programs have one loop, which needs no look-up."""

    __slots__ = ("pair",)

    def __init__(self) -> None:
        self.pair: tuple[Any, Slot | None] = (None, None)


class Steps:
    """`Handle._run` and `Handle.__init__` in the form that counts and times steps and remembers where they were scheduled."""

    def __init__(self, waiting: dict[int, Slot]) -> None:
        # A loop that is run inside a step of another has handles of its own, which are no steps of the other one.
        self._by_loop: dict[int, Slot] = {}
        self._waiting = waiting
        self._patched: list[tuple[type, str, Any, Any]] = []
        self._loops_own = ""
        self._usual = Usual()
        self._sites: dict[int, tuple[weakref.ref[Any], tuple[CodeType, int, int]]] = {}

    def install(self, handle_type: type, on_failure: Callable[[Any, BaseException], None]) -> None:
        """Put ours in the place of the handle type's own."""
        if not self._patched:
            self._loops_own = os.path.dirname(handle_type._run.__code__.co_filename)  # type: ignore[attr-defined]  # noqa: SLF001
            self._patch(handle_type, "_run", _timed_run(self._usual, self._by_loop, self._waiting, on_failure))
            if _is_asyncios(handle_type.__init__):  # type: ignore[misc]
                self._patch(handle_type, "__init__", self._remembering_init())

    def uninstall(self) -> None:
        """Put the originals back where ours are still there, the last one first."""
        while self._patched:
            owner, name, original, ours = self._patched.pop()
            if owner.__dict__.get(name) is ours:
                setattr(owner, name, original)
        self._sites.clear()
        self._usual.pair = None, None

    def begin(self, loop: Any, slot: Slot) -> None:
        """Count the steps of this loop for this slot."""
        self._by_loop[id(loop)] = slot
        if self._usual.pair[0] is None:
            self._usual.pair = loop, slot

    def end(self, slot: Slot) -> None:
        """Count no more for this slot."""
        for key in [key for key, known in self._by_loop.items() if known is slot]:
            del self._by_loop[key]
        if self._usual.pair[1] is slot:
            self._usual.pair = None, None

    @property
    def installed(self) -> bool:
        """Whether steps are counted."""
        return bool(self._patched)

    def site(self, handle: Any) -> tuple[str, int, str] | None:
        """Where a handle was scheduled whose callback has no Python frame: file, line, function."""
        reference, place = self._sites.get(id(handle), (None, None))
        if reference is None or place is None or reference() is not handle:
            return None
        file, line, function, *_ = describe([place])[0]
        return file, line, function

    def _patch(self, owner: type, name: str, ours: Any) -> None:
        self._patched.append((owner, name, owner.__dict__[name], ours))
        setattr(owner, name, ours)

    def _remembering_init(self) -> Callable[..., None]:
        without_frame, remember, futures = _WITHOUT_FRAME, self._remember, _future_types()
        copy_context, frame_at = contextvars.copy_context, sys._getframe  # noqa: SLF001 -- what asyncio calls

        # Written out like Handle.__init__, the same in CPython 3.11 to 3.15: calling that would cost a server more than all that is added.
        def __init__(self: Any, callback: Any, args: Any, loop: Any, context: Any = None) -> None:  # noqa: N807 -- replaces one
            self._context = copy_context() if context is None else context
            self._loop = loop
            self._callback = callback
            self._args = args
            self._cancelled = False
            self._repr = None
            self._source_traceback = _extract_stack(frame_at(1)) if loop.get_debug() else None
            if id(type(callback)) in without_frame:
                # A done-callback is scheduled by what completed its future, which is nobody's line; a server has one a request.
                if len(args) == 1 and id(type(args[0])) in futures and args[0].done():
                    return
                remember(self)

        return __init__

    def _remember(self, handle: Any) -> None:
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 -- who called Handle()
        while frame is not None and frame.f_code.co_filename.startswith(self._loops_own):
            frame = frame.f_back
        if frame is None:
            return
        while len(self._sites) >= MOST_SITES:
            self._sites.pop(next(iter(self._sites), 0), None)
        self._sites[id(handle)] = weakref.ref(handle), (frame.f_code, frame.f_lasti, frame.f_lineno or 0)


def _is_asyncios(init: Any) -> bool:
    """Whether nobody else has put a method of his own there, which ours would pass over; a wrapper may have taken the name and the module."""
    return getattr(init, "__globals__", None) is vars(sys.modules["asyncio.events"])


def _extract_stack(frame: FrameType) -> Any:
    """What asyncio's debug mode keeps of where a handle was made."""
    return sys.modules["asyncio.format_helpers"].extract_stack(frame)


def _future_types() -> frozenset[int]:
    """The C types of futures, by id: asking one whether it is done runs nobody's own code."""
    c: Any = sys.modules.get("_asyncio")
    return frozenset() if c is None else frozenset((id(c.Task), id(c.Future)))


def _timed_run(
    usual: Usual,
    by_loop: dict[int, Slot],
    waiting: dict[int, Slot],
    on_failure: Callable[[Any, BaseException], None],
) -> Callable[[Any], None]:
    clock, find, nothing, asked = time.monotonic_ns, by_loop.get, (), tallies.asked

    def _run(self: Any) -> None:
        if waiting and get_ident() in waiting:
            waiting[get_ident()].victim(self)
        # Not the list itself, which this very step may put something into.
        entered = tallies.enter(self._context, find(id(self._loop))) if asked else False
        args = self._args
        try:
            # Most handles have no argument or one, and without a star their callback is called in half the time.
            if args is nothing:
                self._context.run(self._callback)
            elif len(args) == 1:
                self._context.run(self._callback, args[0])
            else:
                self._context.run(self._callback, *args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 -- what a callback raises is the loop's to report
            on_failure(self, error)
        loop, its_slot = usual.pair
        slot = its_slot if loop is self._loop else find(id(self._loop))
        if slot is not None:
            now = clock()
            if entered or (asked and slot.tally is not None):
                tallies.leave(slot, now, self)
            slot.steps += 1
            if now >= slot.late_at:
                slot.late_step(self, now)
            slot.step_from = now
        self = None  # an exception's traceback holds this frame: no cycle through the handle

    return _run
