"""All probes of one process on one engine: started when the first loop runs, stopped in reverse."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

from unjam.model.lines import encode
from unjam.model.settings import Settings
from unjam.native import Choice
from unjam.probes.drain import Drainer, Listeners
from unjam.probes.fork_warning import ForkWarning
from unjam.probes.gc import GcProbe
from unjam.probes.loops import Loops
from unjam.probes.observers import Observers
from unjam.probes.steps import StepNotes
from unjam.probes.victims import MOST_VICTIMS, VictimNotes

KEPT_LINES = 4096
"""Event lines kept for the drainer: some seconds of the worst program, about a megabyte."""

LONGEST_TICK_NS, SHORTEST_TICK_NS = 10_000_000, 1_000_000
"""The watchdog looks every 10 ms, or five times in a threshold shorter than that; 1 ms already costs 1.5 % of a core."""

STOP_S = 1.5
"""How long the end of the process waits for our own thread, which ends at once unless it is given no CPU or a subscriber blocks: what it
has in hand would be lost."""

PAUSE_S = 1.0
"""How long a fork waits for our own thread, which nearly always rests: beside one that works it is not safe."""


class Probes:
    """What observes this process; `fd` takes the lines, -1 for none, `listeners` is for the drainer, `observers` for the loops' threads.

    Where there is no file, `wanted` says whether somebody wants to be told of every loop (`Loops`).
    """

    def __init__(
        self,
        choice: Choice,
        settings: Settings,
        fd: int,
        listeners: Listeners,
        observers: Observers,
        *,
        wanted: Callable[[], bool],
    ) -> None:
        engine = self.engine = choice.engine
        self._observers = observers
        self._settings, self._fd = settings, fd
        self._held = False
        self._theirs = _in_our_place()
        if self._theirs:
            choice.sources["steps"] = self._theirs
        steps_work = not choice.sources.get("steps")
        self._victims = VictimNotes(self.emit)
        self._steps = StepNotes(engine, self.emit, settings.threshold_ns, self._victims.blame)
        self._gc = GcProbe(engine)
        self._warning = ForkWarning()
        self.loops = Loops(engine, self._note, steps=steps_work, wanted=wanted if fd < 0 else lambda: True)
        listeners.each_second = (*listeners.each_second, self._warning.let_go)
        self.drainer = Drainer(engine, self.emit, self.loops, (self._steps, self._victims), listeners)

    def emit(self, event: dict[str, Any]) -> None:
        """Write an event to the recording and to those who drain."""
        self.engine.emit(encode(event))

    def _note(self, event: dict[str, Any]) -> None:
        """As `emit`, for what those who drain need not know at once: waking them takes longer than what a loop does to start."""
        self.engine.emit(encode(event), urgent=False)

    def start(self) -> None:
        """Begin to observe."""
        engine, threshold_ns = self.engine, self._settings.threshold_ns
        tick_ns = min(LONGEST_TICK_NS, max(SHORTEST_TICK_NS, threshold_ns // 5))
        engine.start(threshold_ns=threshold_ns, tick_ns=tick_ns, fd=self._fd, keep=KEPT_LINES)
        events: Any = sys.modules["asyncio.events"]
        if not self._theirs:
            engine.install_steps(events.Handle, _on_failure)
        others = self._observers
        engine.set_step_observer(others.after(self._steps.observe, others.steps))
        engine.set_victim_observer(others.after(self._victims.observe, others.victims), MOST_VICTIMS)
        self._gc.install()
        self.drainer.start()

    def finish(self) -> None:
        """Write what is not written yet; the process is about to end."""
        self.drainer.stop(STOP_S)
        self.drainer.finish()

    def stop(self) -> None:
        """Stop observing, in reverse."""
        self.loops.stop_all()
        self._gc.uninstall()
        self._warning.let_go(now=True)
        self.engine.set_tally(None, None)
        self.engine.set_victim_observer(None)
        self.engine.set_step_observer(None)
        self.engine.stop()
        self.finish()

    def abandon(self) -> None:
        """Forget everything in a fork's child, where no thread of ours is."""
        self.drainer.abandon()
        self._warning.let_go(now=True)
        self._gc.uninstall()

    def pause(self) -> None:
        """Have no thread of ours at work for a moment: the process forks."""
        self._held = self.drainer.hold(PAUSE_S)
        self.engine.pause()
        self._warning.before_fork()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._warning.hold_back()
        self.engine.resume()
        if self._held:
            self._held = False
            self.drainer.let_go()


def _in_our_place() -> str:
    """Why steps cannot be counted: somebody has patched `Handle._run` before us, and ours would pass over his. "" where nobody has."""
    events: Any = sys.modules["asyncio.events"]
    run = events.Handle._run
    if type(run) is not FunctionType:
        return ""  # the C core's
    home = run.__globals__.get("__name__")
    home = home if type(home) is str else "another module"
    if run.__globals__ is vars(events) or home.startswith("unjam."):
        return ""
    return f"{home} has put a method of its own in the place of asyncio's Handle._run, which is left there"


def _on_failure(handle: Any, error: BaseException) -> None:
    """Do with an exception of a callback what asyncio.Handle does: hand it to the loop's exception handler."""
    loop = handle._loop
    describe: Any = vars(sys.modules["asyncio.format_helpers"])["_format_callback_source"]
    # In newer versions the arguments are only shown in debug mode, and the function says so by taking the word.
    words = {"debug": loop.get_debug()} if describe.__kwdefaults__ else {}
    name = describe(handle._callback, handle._args, **words)
    context = {"message": f"Exception in callback {name}", "exception": error, "handle": handle}
    if handle._source_traceback:
        context["source_traceback"] = handle._source_traceback
    loop.call_exception_handler(context)
