"""Who holds the lock that a loop's thread waits for: asked while it does, as nobody can tell afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unjam.model.waits import Graph

SHARE: Final = 100
"""One part in so many of its time the thread that asks may spend on it."""


class LockHolders:
    """A subscriber of the monitor, which has a `holder` event written of a stall in a lock that somebody is known to hold."""

    def __init__(
        self,
        loops: Callable[[], Iterable[tuple[int, Any, int, str, str]]],
        emit: Callable[[dict[str, Any]], None],
    ) -> None:
        self._loops, self._emit = loops, emit
        self._told = self._next_ns = 0

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Ask, where the event is of a stall that goes on in a lock, and of that stall it is not known yet."""
        if event["e"] != "stall" or event["t1"] is not None or event["id"] == self._told or not _is_in_a_lock(event):
            return
        ident = next((ident for number, _, ident, _, _ in self._loops() if number == event["loop"]), None)
        if ident is None or time.monotonic_ns() < self._next_ns:
            return
        # Imported when there is a lock to ask for: a fork waits for this thread, and most programs never get here.
        from unjam.probes.waits import Collector

        began = time.monotonic_ns()
        collector = Collector()
        try:
            found = holder_of(collector.collect(with_tasks=False), ident)
        finally:
            collector.close()
        self._next_ns = began + SHARE * (time.monotonic_ns() - began)
        if found is not None:
            self._told = event["id"]
            self._emit({"e": "holder", "t": time.monotonic_ns(), "stall": event["id"], **found})


def _is_in_a_lock(stall: Mapping[str, Any]) -> bool:
    """Whether its thread was in a futex when it was looked at last."""
    last: Mapping[str, Any] = max(stall["samples"], key=lambda group: group["last"], default={})
    return last.get("state") == "kernel" and last.get("sys") == "futex"


def holder_of(graph: Graph, ident: int) -> dict[str, Any] | None:
    """The lock that a thread waits for, who holds it, and where that one took it (None: not known); None where no holder is known."""
    threads = {key for key, node in graph.nodes.items() if node.kind == "thread" and node.facts.get("ident") == ident}
    locks = {edge.target for edge in graph.edges if edge.source in threads}
    held = next((edge for edge in graph.edges if edge.source in locks and edge.verb == "is held by"), None)
    if held is None or held.target in threads:
        return None
    site = None if held.site is None else [held.site.file, held.site.line, held.site.function]
    return {"lock": graph.nodes[held.source].label, "holder": graph.nodes[held.target].label, "site": site}
