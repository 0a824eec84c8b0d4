"""Names of threads, as `threading` knows them, told once each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from unjam.model.lines import printable
from unjam.native.thread_numbers import number_of


class ThreadNames:
    """Writes `threads` events with what is new since the last one."""

    def __init__(self, emit: Callable[[dict[str, Any]], None]) -> None:
        self._emit = emit
        self._told: dict[int, str] = {}

    def write(self) -> None:
        """Write the names that have not been told yet."""
        known = known_threads()
        new = {tid: name for tid, (_, name) in known.items() if self._told.get(tid) != name}
        self._told = {tid: name for tid, (_, name) in known.items()}
        if new:
            idents = {tid: known[tid][0] for tid in new}
            self._emit({"e": "threads", "t": time.monotonic_ns(), "names": new, "idents": idents})


def known_threads() -> dict[int, tuple[int, str]]:
    """{number in the operating system: (ident, name)}, without the lock of `threading`, which somebody may hold."""
    known = threading._active.copy()  # type: ignore[attr-defined]
    # Attributes instead of properties, which a program may have overridden.
    facts = [(ident, thread, vars(thread)) for ident, thread in known.items()]
    numbered = [(number_of(thread, own.get("_native_id")), ident, own.get("_name")) for ident, thread, own in facts]
    return {tid: (ident, printable(name)) for tid, ident, name in numbered if tid is not None}


def thread_name(ident: int) -> str:
    """The name of a thread; "" where `threading` does not know it."""
    thread = threading._active.get(ident)  # type: ignore[attr-defined]
    return "" if thread is None else printable(vars(thread).get("_name"))
