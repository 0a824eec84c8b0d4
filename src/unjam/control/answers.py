"""What a watched process answers: who it is, how its loops do, what holds them, and who waits for whom."""

from __future__ import annotations

import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from unjam import __version__
from unjam.control.address import start_ticks
from unjam.control.recent import Recent
from unjam.control.snapshots import two_looks
from unjam.model.waits import Graph, to_json

if TYPE_CHECKING:
    from unjam.control.server import Answer
    from unjam.probes.waits import Collector

FLUSH_S: Final = 0.2
"""Whoever asks waits so long at the most for what has not been told yet."""
SHARE: Final = 0.002
"""Of one core that live views may cost by looking at tasks and pools: after a costly look they get an older one."""
LOOK_AT_MOST_S: Final = 1.0
"""Between two looks at tasks and pools for a live view."""
MOST_GROUPS: Final = 200
"""Groups of equal tasks told to a live view, the largest first."""

LoopStats: TypeAlias = Callable[[], Iterable[dict[str, Any]]]
"""Gives for each running loop its number, thread, ident, type and the engine's statistics."""


def hello() -> dict[str, Any]:
    """Return who this process is."""
    pid = os.getpid()
    return {"pid": pid, "start": start_ticks(pid), "python": platform.python_version(), "unjam": __version__}


def hang_answers(collector: Collector) -> dict[str, Answer]:
    """Return the answers that need nothing but the interpreter."""
    return {"hello": hello, "hang": lambda: to_json(two_looks(collector))}


class Watched:
    """The answers of a process whose loops are watched."""

    def __init__(
        self,
        collector: Collector,
        loops: LoopStats,
        recent: Recent,
        header: Callable[[], dict[str, Any]],
        flush: Callable[[float], object],
    ) -> None:
        self._collector = collector
        self._loops = loops
        self._recent = recent
        self._header = header
        self._flush = flush
        self._looked: dict[str, Any] = {}
        self._next_look = 0.0

    def answers(self) -> dict[str, Answer]:
        """Return all of them."""
        return {**hang_answers(self._collector), "why": self.why, "top": self.top}

    def why(self) -> dict[str, Any]:
        """Return what is needed to say what holds each loop now; a stall that goes on is told of as it is now."""
        self._flush(FLUSH_S)
        return {
            **self._now(),
            "header": self._header(),
            "events": self._recent.events(),
            "graph": to_json(self._collector.collect()),
        }

    def top(self) -> dict[str, Any]:
        """Return what a live view shows; tasks and pools may be older than the rest."""
        return {
            **self._now(),
            "header": self._header(),
            "events": self._recent.events(64),
            **self._tasks_and_pools(),
        }

    def _now(self) -> dict[str, Any]:
        return {**hello(), "t": time.monotonic_ns(), "cpu_ns": time.process_time_ns(), "loops": list(self._loops())}

    def _tasks_and_pools(self) -> dict[str, Any]:
        now = time.monotonic()
        if now >= self._next_look:
            cpu = time.thread_time()
            self._looked = summary(self._collector.collect())
            self._next_look = now + max(LOOK_AT_MOST_S, (time.thread_time() - cpu) / SHARE)
        return self._looked


def summary(graph: Graph) -> dict[str, Any]:
    """Return tasks by state and coroutine, and the pools."""
    nodes = graph.nodes.values()
    tasks = Counter((n.facts["state"], n.facts["coroutine"]) for n in nodes if n.kind == "task")
    pools = [{"name": n.label, **n.facts} for n in nodes if n.kind in {"executor", "limiter"}]
    return {
        "tasks": [[state, coroutine, count] for (state, coroutine), count in tasks.most_common(MOST_GROUPS)],
        "task_count": sum(tasks.values()),
        "threads": sum(n.kind == "thread" for n in nodes),
        "pools": pools,
        "looked": graph.t,
    }
