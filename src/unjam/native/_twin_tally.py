"""Tallies of the twin: what the steps of one context took of their loop, and how long they waited for it (_core.pyi)."""

from __future__ import annotations

import time
from _thread import get_ident
from collections.abc import Callable
from contextvars import Context, ContextVar
from functools import partial
from typing import Any

from unjam.failure import report_failure
from unjam.native._twin_loop import RECENT, Slot

SLEPT_NS = 30_000
"""A select that took longer has slept, so that nothing was ready when it began; one of Python that only looks takes 5 to 10 us."""


HOPS_OF_A_STEP = 2
"""Turns from the bytes that wake a task up to its step: the future's callback runs in the one between."""


class Tally:
    """See _core.pyi."""

    __slots__ = (
        "_last", "_open", "_own", "_since", "_slot", "_waited",
        "delays", "holds", "name", "name_of", "scope",
    )  # fmt: skip

    anew: Callable[[Any, Any], Any]
    keep_name: Callable[[], None]

    def __init__(self) -> None:
        self.scope: Any = None
        self.name_of: Any = None
        self.name: Any = None
        self.holds: Any = None
        self.delays: Any = None
        self._own = self._waited = self._last = self._since = 0
        self._slot: Slot | None = None
        self._open = False

    @property
    def own_ns(self) -> int:
        """Time on the loop so far, the present step included where that is one of its own."""
        slot = self._slot
        running = slot is not None and slot.tally is self and slot.ident == get_ident()
        return self._own + (time.monotonic_ns() - self._since if running else 0)

    @property
    def waited_ns(self) -> int | None:
        """Time for which its steps were ready, or may have been, and others ran; None where turns are not observed."""
        return self._waited if self._slot is not None and self._slot.counts_turns else None

    def timing(self) -> bytes:
        """Both as the value of a Server-Timing header, in milliseconds."""
        waited = self.waited_ns
        wait = "" if waited is None else f", loop-wait;dur={waited / 1e6:.2f}"
        return f"loop;dur={self.own_ns / 1e6:.2f}{wait}".encode()

    def begin(self) -> bool:
        """Count from now on; false where the steps of this thread's loop are not observed."""
        slot = tallies.slots.get(get_ident())
        if slot is None or self._open or not slot.counts_steps:
            return False
        now = time.monotonic_ns()
        self._open, self._slot, self._since = True, slot, now
        slot.tally, slot.tally_since = self, now
        self._wait_ends(slot.step_from or now, _hops_of_a_begin(slot))
        return True

    def end(self) -> None:
        """Count no more."""
        self._open = False
        slot = self._slot
        if slot is not None and slot.tally is self and slot.ident == get_ident():
            now, since = time.monotonic_ns(), self._since
            self._count(now)
            slot.tally, slot.tally_since = None, now
            tallies.tell(slot, self, since, now, waited=False)

    @classmethod
    def of(cls, scope: Any, name_of: Callable[[Any], str]) -> Any:
        """Begin a new one for a scope, in the variable."""
        if not tallies.asked:
            return cls.anew(scope, name_of)
        variable = tallies.asked[0]
        outer = variable.get(None)
        made = cls()
        if (isinstance(outer, Tally) and outer.scope is not None) or not made.begin():
            return None
        made.scope, made.name_of = scope, name_of
        variable.set(made)
        return made

    def finish(self) -> None:
        """Count no more, and let go of the scope."""
        self.end()
        if self.holds is not None or self.delays is not None:
            self.keep_name()
        self.scope = None

    def passing(
        self, send: Callable[[Any], Any], kinds: frozenset[str], change: Callable[[Any, Any], Any]
    ) -> Callable[[Any], Any]:
        """Send on, some changed."""
        return partial(_pass, self, send, kinds, change)

    def _step_begins(self, now: int) -> None:
        self._since = now
        self._wait_ends(now, HOPS_OF_A_STEP)

    def _count(self, now: int) -> None:
        self._own += now - self._since
        self._last = now

    def _wait_ends(self, now: int, hops: int) -> None:
        slot = self._slot
        assert slot is not None
        since = max(_ready_since(slot, hops), self._last)
        if since and since < now:
            ready = tallies.tell(slot, self, since, now, waited=True)
            self._waited += now - min(max(since, ready), now)

    def _is_of(self, slot: Slot) -> bool:
        return self._open and self._slot is slot


def _pass(
    tally: Tally, send: Callable[[Any], Any], kinds: frozenset[str], change: Callable[[Any, Any], Any], message: Any
) -> Any:
    return send(change(tally, message) if message["type"] in kinds else message)


class Tallies:
    """The variable whose values are tallies (none where nobody asks, which is all that a step has to look for), who is told, and the loops by thread."""

    def __init__(self) -> None:
        self.asked: list[ContextVar[Any]] = []
        self.observe: Callable[[int, Any, int, int, bool], int | None] | None = None
        self.slots: dict[int, Slot] = {}

    def ask(
        self, variable: ContextVar[Any] | None, observe: Callable[[int, Any, int, int, bool], int | None] | None
    ) -> None:
        """See set_tally in _core.pyi."""
        self.asked[:] = [] if variable is None else [variable]
        self.observe = observe

    def enter(self, context: Context, slot: Slot | None) -> bool:
        """A step of the slot's loop is about to run in that context; false where it is not counted."""
        if slot is None or slot.tally is not None:
            return False
        slot.tally_since = slot.step_from
        tally = None
        for variable in self.asked if type(context) is Context else ():
            tally = context.get(variable)
        if isinstance(tally, Tally) and tally._is_of(slot):  # noqa: SLF001 -- of this module
            slot.tally = tally
            tally._step_begins(slot.step_from)  # noqa: SLF001 -- as above
        return True

    def leave(self, slot: Slot, now: int, handle: Any) -> None:
        """It has ended."""
        tally, slot.tally = slot.tally, None
        if isinstance(tally, Tally):
            tally._count(now)  # noqa: SLF001 -- as above
        self.tell(slot, handle if tally is None else tally, slot.tally_since, now, waited=False)

    def tell(self, slot: Slot, who: Any, begin: int, end: int, *, waited: bool) -> int:
        """Tell of what was long, and return the nanosecond that is answered, 0 for none; an observer that raises is told of no more."""
        if self.observe is None or end - begin < slot.fifth:
            return 0
        try:
            return self.observe(slot.loop_id, who, begin, end, waited) or 0
        except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
            self.observe = None
            report_failure("waits are not told of any more", error)
            return 0


def _ready_since(slot: Slot, hops: int) -> int:
    """The earliest moment from which a step of the present turn may have been ready; 0 where that is not known."""
    if not slot.counts_turns:
        return 0
    back = min(hops, _hops_since_sleep(slot))
    return slot.recent[back - 1][0] if back else slot.away_since


def _hops_since_sleep(slot: Slot) -> int:
    """How many turns lie between the present one and the last in whose select the loop slept; one too many: out of sight."""
    since = slot.away_since
    for back, (left, entered, waits) in enumerate(slot.recent):
        if waits and since - entered > SLEPT_NS:
            return back
        since = left
    return len(slot.recent) if len(slot.recent) < RECENT else RECENT + 1


def _hops_of_a_begin(slot: Slot) -> int:
    """How many turns before the present one the bytes of a request that begins now may have come (tallies.c says why)."""
    slept = _hops_since_sleep(slot)
    if slept <= RECENT:
        slot.hops[slept] += 1
    most = max(slot.hops)
    return 1 + (slot.hops.index(most) if most else RECENT)


tallies = Tallies()
