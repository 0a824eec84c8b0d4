"""One part of a test as `--unjam-hang` sees it: whether it has got on since the last look, and what is said where it has not."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from unjam.control.snapshots import two_looks
from unjam.integrations.pytest_plugin.progress import Test, gets_on, main_task, slices, starved, woken
from unjam.integrations.pytest_plugin.waiting import text_of
from unjam.model.waits import Graph, compared
from unjam.native.frames import current_frames
from unjam.probes.waits import Collector


@dataclass(slots=True)
class Phase:
    """Set-up, body or tear-down of one test while it runs. Times are seconds of time.monotonic."""

    nodeid: str
    file: str
    limit_s: float
    began: float
    main: int
    graph: Graph | None = None
    woke: dict[int, str] = field(default_factory=dict)
    next_look: float = 0.0
    quiet_since: float = 0.0
    text: str = ""
    is_cancelled: bool = False
    attempts: int = 0

    def look_after(self, now: float, seconds: float) -> float:
        """When to look next, so many seconds from now: one look is as soon as the whole limit is over."""
        over = self.began + self.limit_s
        return over if now < over < now + seconds else now + seconds


class Looks:
    """Looks at the process, each time beside the last one."""

    def __init__(self) -> None:
        self._collector: Collector | None = None

    def is_quiet(self, phase: Phase) -> bool:
        """Look, and say whether nothing has moved since the last look."""
        woke, graph = slices(), self._collect().collect()
        task = main_task(phase.main)
        test = Test(phase.file, phase.main, self._collect().key_of(task) if task is not None else "")
        before, phase.graph = phase.graph, graph
        woken_up, starving, phase.woke = woken(phase.woke, woke), starved(phase.woke, woke), woke
        if before is not None and not gets_on(compared(before, graph), test, woken_up, starving):
            return True
        phase.quiet_since = time.monotonic()  # not before the look: this thread may have been held up in it
        return False

    def _collect(self) -> Collector:
        if self._collector is None:
            self._collector = Collector()
        return self._collector

    def told(self, seconds: float) -> str:
        """Who waits for whom, after so many seconds in which nothing got on."""
        return text_of(two_looks(self._collect()), seconds=seconds)


def is_debugged() -> bool:
    """Whether a debugger traces the main thread: somebody looks at the test, and it waits for them."""
    frame = current_frames().get(threading.main_thread().ident or 0)
    tracer = frame.f_trace if frame is not None else None
    module = getattr(tracer, "__module__", None) or type(tracer).__module__
    return str(module).partition(".")[0] in {"bdb", "pdb", "pydevd", "_pydevd_bundle", "debugpy"}
