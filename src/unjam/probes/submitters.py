"""Who submitted a call to a pool: the nearest caller that does more than pass it on."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

    from unjam.probes.pool_state import Place

OUTSIDE = frozenset(
    {"asyncio", "concurrent", "anyio", "starlette", "fastapi", "asgiref", "contextlib", "unjam", "uvloop"}
)
"""Packages that pass a call on: who submitted it is the nearest caller that is in none of them."""

LOOPS_OWN = frozenset({"_run", "_run_once", "run", "run_forever", "run_until_complete"})
"""Plain functions of those packages that run a callback or a loop: what called them did not submit anything."""

_SUSPENDABLE = 0x80 | 0x100 | 0x200
"""CO_COROUTINE, CO_ITERABLE_COROUTINE, CO_ASYNC_GENERATOR: only a loop or an `await` enters such code, so a plain frame behind
one is the loop's. (`inspect` has the names, and costs some milliseconds.)"""

FARTHEST_CALLER = 12
"""Frames looked through for the submitter: frameworks put five or six between."""

_STEPS = range(FARTHEST_CALLER)


def submitter(frame: FrameType | None) -> Place | None:
    """The nearest caller outside of OUTSIDE, not farther than the callback or the task that the loop runs at the moment."""
    known = _known
    for _ in _STEPS:
        if frame is None:
            return None
        code = frame.f_code
        module = frame.f_globals.get("__name__")
        if type(module) is str:
            passes = known.get(module)
            if not (_looked_up(module) if passes is None else passes):
                return code, frame.f_lasti
        frame = frame.f_back
        suspendable = code.co_flags & _SUSPENDABLE
        if suspendable:
            if frame is not None and not frame.f_code.co_flags & _SUSPENDABLE:
                return None
        elif code.co_name in LOOPS_OWN:
            return None
    return None


_known: dict[str, bool] = {}
"""Whether each module passes calls on, by its name: as many entries as there are modules that submit."""


def _looked_up(module: str) -> bool:
    passes = _known[module] = module.partition(".")[0] in OUTSIDE
    return passes
