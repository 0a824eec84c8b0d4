"""The control side of one watched process over its life: its socket, its dead-man, and what a fork does to them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from unjam.control.server import Server, start_server, without_gc
from unjam.errors import NotAvailable
from unjam.failure import report_failure, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unjam.probes.wiring import Probes

PAUSE_S = 1.0
"""How long a fork waits for our thread, which nearly always rests: beside one that works it is not safe."""

TICK_S = 1.0
"""How often the dead-man looks: ten times in its shortest sensible time."""


SAME_NS = 100_000_000
"""Begins of an absence that differ by less are one: the engine computes them anew each time, from another clock."""


class Source:
    """What the monitor lends: `loops` gives (number, loop, ident, thread, type) of each running loop.

    `flush` has all that there is to tell told, within so many seconds.
    """

    __slots__ = ("emit", "flush", "header", "loops", "stats", "subscribe")

    def __init__(
        self,
        probes: Probes,
        *,
        header: Callable[[], dict[str, Any]],
        subscribe: Callable[[Callable[[dict[str, Any]], None]], None],
    ) -> None:
        self.loops, self.stats = probes.loops.present, probes.engine.loop_stats
        self.emit, self.flush = probes.emit, probes.drainer.flush
        self.header, self.subscribe = header, subscribe


class Control:
    """Answers on the socket, and writes a dump by itself when a loop has been away for `dump_after_ns` (0: never)."""

    def __init__(self, source: Source, dump_after_ns: int) -> None:
        from unjam.control.holders import LockHolders
        from unjam.control.recent import Recent

        self._source = source
        self._dump_after_ns = dump_after_ns
        self._recent = Recent()
        self._server: Server | None = None
        self._held: Server | None = None
        self._collector: Any = None
        self._dumped: dict[int, int] = {}
        source.subscribe(self._recent)
        source.subscribe(LockHolders(source.loops, source.emit))

    def start(self) -> None:
        """Open the socket; where there can be none, say so once and go on without."""
        try:
            tick_s = TICK_S if self._dump_after_ns else None
            self._server = start_server(self._answers, tick=self._tick, tick_s=tick_s)
        except NotAvailable as error:
            if os.environ.get("UNJAM_CONTROL") != "0":
                say(f"unjam: {error}; your program is unaffected")

    def stop(self) -> None:
        """Close the socket."""
        server, self._server = self._server, None
        if server is not None and server.stop():
            self._close_collector()

    def pause(self) -> None:
        """Have our thread at rest: the process forks."""
        if self._server is not None and self._server.hold(PAUSE_S):
            self._held = self._server

    def resume(self) -> None:
        """Go on after `pause`."""
        held, self._held = self._held, None
        if held is not None:
            held.let_go()

    def abandon(self) -> None:
        """Forget the parent's socket in the child of a fork."""
        server, self._server = self._server, None
        if server is not None:
            server.drop_after_fork()
        self._close_collector()

    def _close_collector(self) -> None:
        """Give back the descriptor through which it reads; no thread may be using it."""
        if self._collector is not None:
            self._collector.close()

    def _collect(self) -> Any:
        if self._collector is None:
            from unjam.probes.waits import Collector

            self._collector = Collector(loops=lambda: [(loop, ident) for _, loop, ident, _, _ in self._source.loops()])
        return self._collector

    def _answers(self) -> dict[str, Callable[[], dict[str, Any]]]:
        """Return the answers; made when the first question comes, for most processes are never asked."""
        from unjam.control.answers import Watched

        return Watched(self._collect(), self._loops, self._recent, self._source.header, self._source.flush).answers()

    def _loops(self) -> list[dict[str, Any]]:
        return [
            {"thread": thread, "ident": ident, "type": kind, **(self._source.stats(number) or {"loop": number})}
            for number, _, ident, thread, kind in self._source.loops()
        ]

    def _tick(self) -> None:
        """Look whether a loop has been away for too long; each absence is dumped once."""
        now = time.monotonic_ns()
        for loop in self._loops():
            since = loop.get("away_since_ns")
            if since is None or now - since < self._dump_after_ns or self._is_dumped(loop["loop"], since):
                continue
            self._dumped[loop["loop"]] = since
            try:
                without_gc(partial(self._dump, loop, now - since))
            except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
                report_failure("a hung loop could not be dumped", error)

    def _is_dumped(self, loop: int, since: int) -> bool:
        return abs(self._dumped.get(loop, 0) - since) < SAME_NS

    def _dump(self, loop: dict[str, Any], away_ns: int) -> None:
        from unjam.control.deadman import last_words, shrunk
        from unjam.control.snapshots import two_looks
        from unjam.model.waits import to_json

        graph = two_looks(self._collect())
        present = next((each for each in self._loops() if each["loop"] == loop["loop"]), {})
        if not self._is_dumped(loop["loop"], present.get("away_since_ns") or 0):
            return  # It has come back meanwhile: the graph shows something else.
        stall = self._recent.open_stall(loop["loop"])
        event = {
            "e": "dump",
            "t": time.monotonic_ns(),
            "stall": stall,
            "loop": loop["loop"],
            "graph": to_json(shrunk(graph)),
        }
        self._source.emit(event)
        say(last_words(graph, loop["thread"], away_ns))
