"""The engine in two tiers behind one contract: the C core, and its pure-Python twin."""

from __future__ import annotations

import sys

from unjam.errors import NotAvailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TIERS = ("native", "python")

NEEDED = ("turns", "stacks")
"""Sources without which the C core is of no use, so that the twin takes its place."""


class Choice:
    """The engine that was picked (it keeps the contract of _core.pyi), why not the C core ("" where it is), and its check."""

    # A plain class, as others that are made in every watched process: one NamedTuple takes a tenth of a millisecond to define.
    __slots__ = ("engine", "reason", "sources")

    def __init__(self, engine: Any, reason: str, sources: dict[str, str]) -> None:
        self.engine, self.reason, self.sources = engine, reason, sources


def choose(tier: str = "") -> Choice:
    """Pick the engine: the C core where it works, else the twin; `tier` forces one.

    Raises NotAvailable where the C core is forced and does not work.
    """
    reason = "asked for by UNJAM_TIER=python" if tier == "python" else _why_not_native()
    if not reason:
        from unjam.native import _core

        sources = _core.check()
        failed = [f"{source}: {sources[source]}" for source in NEEDED if sources.get(source)]
        if not failed:
            return Choice(_core, "", sources)
        reason = "; ".join(failed)
    if tier == "native":
        raise NotAvailable(f"the native tier does not work here: {reason}")
    from unjam.native import _fallback

    return Choice(_fallback, reason, _fallback.check())


def tracked_locks(tier: str = "") -> Any:
    """Return what makes tracked locks: the C core wherever it can be loaded, or its twin; `tier` forces one."""
    if tier == "python" or (tier != "native" and _why_not_native()):
        from unjam.native import _twin_locks

        return _twin_locks
    from unjam.native import _core

    return _core


def _why_not_native() -> str:
    if "t" in getattr(sys, "abiflags", ""):
        return "a free-threaded interpreter has other structures and no GIL"
    try:
        from unjam.native import _core  # noqa: F401 -- only whether it can be loaded
    except ImportError as error:
        return (
            f"the C core cannot be loaded: {error}" if _core_is_built() else "the C core is not built for this platform"
        )
    return ""


def _core_is_built() -> bool:
    import os

    return any(name.startswith("_core.") and name.endswith((".so", ".pyd")) for name in os.listdir(__path__[0]))
