"""Telling of stalls while the program runs: `--live` lines, callbacks, logging; each stall by its worst finding.

All of it happens outside of the loops' threads. Every program that calls `unjam.install()` imports this: `logging` alone would take it 10 ms.
"""

from __future__ import annotations

import os
import time

from unjam.allowed import allowances_of
from unjam.failure import say
from unjam.memory import Memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from unjam.diagnosis.allowances import Sorted
    from unjam.diagnosis.source import Sources
    from unjam.model.findings import Finding
    from unjam.model.session import Event
    from unjam.model.settings import Settings
    from unjam.monitor import Monitor

    OnStall = Callable[[Finding], None]
    OnJudged = Callable[[Event, tuple[Finding, ...]], None]
    """Called with the last line of a stall that is over and all that was found of it, a finding for each part, what is allowed last.

    Nothing was found where there was no time to think about it: of many stalls in a row not each is (`Budget`).
    """

MOST_PAUSES = 64
"""Collections of garbage remembered for the stalls that they made, which are told of right after them."""

MOST_AT_ONCE = 5
"""Lines logged at once: enough to see what it is. After that there is one a second; what is not logged is counted in the next line that is."""

PART_OF_CPU = 100
"""Thinking about stalls and telling of them takes at most a hundredth of the CPU time that the process uses, measured over many: the loop of a
service that is late all the time waits for the GIL meanwhile."""

PART_OF_TIME = 1_000
"""Or so small a part of all time, in a process that mostly sleeps."""

MOST_SAVED_NS = 250_000_000
"""What was not used for thinking is saved up to so much, which is enough for fifty stalls with deep stacks at once on a slow machine."""


class Budget:
    """How much CPU time thinking about stalls may take: a part of what the process uses, and of all time. The clocks count nanoseconds."""

    def __init__(
        self,
        clock: Callable[[], int] = time.monotonic_ns,
        all_cpu: Callable[[], int] = time.process_time_ns,
        cpu: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        self._clock, self._all_cpu, self._cpu = clock, all_cpu, cpu
        self._saved_ns, self._at_ns, self._used_ns, self._before_ns = MOST_SAVED_NS, clock(), all_cpu(), 0

    def is_left(self) -> bool:
        """Whether there is something left of it now."""
        now, used = self._clock(), self._all_cpu()
        more = (used - self._used_ns) // PART_OF_CPU + (now - self._at_ns) // PART_OF_TIME
        self._saved_ns = min(MOST_SAVED_NS, self._saved_ns + more)
        self._at_ns, self._used_ns = now, used
        return self._saved_ns > 0

    def __enter__(self) -> None:
        """What the calling thread uses from here on is taken from it."""
        self._before_ns = self._cpu()

    def __exit__(self, *_: object) -> None:
        """Up to here."""
        self._saved_ns -= self._cpu() - self._before_ns


class Telling:
    """Draws conclusions from stalls as they pass the threshold and as they end, and hands them on."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._memory = Memory(monitor)
        self._sources: Sources | None = None
        self._open: dict[int, list[Event]] = {}
        self._ended: set[int] = set()
        self._pauses: list[Event] = []
        self._budget = Budget()
        self.at_threshold: list[OnStall] = []
        self.at_end: list[OnStall] = []
        self.logs: list[Log] = []
        self.judged: list[OnJudged] = []
        self.finishing: list[Callable[[], None]] = []

    def receive(self, event: Event) -> None:
        """Take one event in; called by the drainer."""
        self._memory.remember(event)
        kind = event["e"]
        if kind == "stall":
            self._stall(event)
        elif kind in {"step", "crowd", "victims"} and event.get("stall") in self._open:
            self._open[event["stall"]].append(event)
        elif kind == "gc":
            self._pauses = [*self._pauses[1 - MOST_PAUSES :], event]

    def settled(self, number: int) -> None:
        """Tell of a stall that is over, of which all events have been received."""
        # The end of the process may come while the drainer still tells.
        if number in self._ended:
            self._ended.discard(number)
            with_room = [log for log in self.logs if log.has_room()]
            is_thought_about = bool(self.at_end) or (bool(with_room or self.judged) and self._budget.is_left())
            if is_thought_about:
                _import_judge()
            with self._budget:
                self._tell_end(self._open.pop(number, []), with_room, is_thought_about=is_thought_about)

    def after_fork_in_child(self) -> None:
        """Forget the parent's stalls: the parent tells of them."""
        self._open.clear()
        self._ended.clear()

    def finish(self) -> None:
        """Tell what has ended and was kept for later: watching ends, or the process is about to."""
        for number in sorted(self._ended):
            self.settled(number)
        for finish in tuple(self.finishing):
            finish()

    def _stall(self, event: Event) -> None:
        number = event["id"]
        is_new = number not in self._open
        others = [other for other in self._open.get(number, ()) if other["e"] != "stall"]
        self._open[number] = [*others, event]
        if is_new and event["t1"] is None and self.at_threshold:
            _import_judge()
            with self._budget:
                _hand_on(self._conclusion(self._open[number]), self.at_threshold)
        if event["t1"] is not None:
            self._ended.add(number)

    def _tell_end(self, mine: list[Event], with_room: list[Log], *, is_thought_about: bool) -> None:
        """Who asks for each stall gets each; the others are told of those for which there is time."""
        found: Sorted | None = None
        if is_thought_about:
            found = self._conclusion(mine)
            _hand_on(found, [*self.at_end, *(log.write for log in with_room)])
        for log in self.logs:
            # Of what nobody thought about it is not known whether it is allowed.
            if found is None or (log not in with_room and found.counting):
                log.keep_back()
        everything = () if found is None else (*found.counting, *(each.finding for each in found.allowed))
        stalls = [event for event in mine if event["e"] == "stall"]
        for judged in tuple(self.judged) if stalls and (everything or found is None) else ():
            judged(stalls[-1], everything)

    def _conclusion(self, mine: list[Event]) -> Sorted:
        """What is to be said of a stall, given its own events."""
        from unjam.diagnosis.diagnose import diagnose_stall
        from unjam.diagnosis.source import Sources

        sources = self._sources = self._sources or Sources(source_lines)
        began = min((event["t0"] for event in mine if event["e"] == "stall"), default=0)
        events = [*self._memory.known(), *(pause for pause in self._pauses if pause["t1"] > began), *mine]
        header, stacks, allowances = self._monitor.header(), self._memory.stacks, allowances_of(self._monitor)
        found = diagnose_stall(header, stacks, events, sources=sources, pid=os.getpid(), allowances=allowances)
        sources.rest()
        return found


def _import_judge() -> None:
    """Import what thinks, a few hundred milliseconds once on a slow machine: the first stalls would use up all that is saved for thinking."""
    import unjam.diagnosis.diagnose  # noqa: F401


def _hand_on(found: Sorted, listeners: list[OnStall]) -> None:
    """Tell of a stall by its worst finding."""
    for listener in tuple(listeners):
        for finding in found.counting[:1]:
            listener(finding)


def source_lines(file: str) -> tuple[str, ...] | None:
    """The lines of a source file as the interpreter knows it; None where there is none."""
    import linecache

    return tuple(line.rstrip("\n") for line in linecache.getlines(file)) or None


def one_line(finding: Finding) -> str:
    """A finding as one greppable line: length, place, leaf, rule and cause, task."""
    place = "no line of yours"
    if finding.culprit:
        line = f":{finding.culprit.line}" if finding.culprit.line else ""
        place = f"{shortest(finding.culprit.file)}{line} {finding.culprit.function}"
    leaf = f" -> {finding.leaf}" if finding.leaf else ""
    task = f" task {finding.task.name}" if finding.task else ""
    late = f" +{finding.victim_count} late" if finding.victim_count else ""
    return f"{finding.max_ms:.0f} ms {place}{leaf} [{finding.rule or 'UJ'} {finding.cause}]{task}{late}"


def shortest(file: str) -> str:
    """The path of a source file, relative to where the process is if that is shorter."""
    return min(os.path.relpath(file), file, key=len)


def say_at_threshold(finding: Finding) -> None:
    """The line of `--live` for a stall that goes on."""
    say(f"unjam: stall so far {one_line(finding)}")


def say_at_end(finding: Finding) -> None:
    """The line of `--live` for a stall that has ended."""
    say(f"unjam: stall {one_line(finding)}")


class LineLimit:
    """Lets `MOST_AT_ONCE` lines of a log through, and one a second after them, and counts those that it keeps back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._room = float(MOST_AT_ONCE)
        self._kept_back = 0

    def has_room(self) -> bool:
        """Whether a line would be let through now."""
        now = self._clock()
        self._room = min(MOST_AT_ONCE, self._room + now - self._since)
        self._since = now
        return self._room >= 1.0

    def keep_back(self) -> None:
        """Count one that is not written."""
        self._kept_back += 1

    def remark(self) -> str | None:
        """What is to be said at the end of a line: how many were kept back before it. None: keep this one back."""
        if not self.has_room():
            self.keep_back()
            return None
        kept_back, self._kept_back = self._kept_back, 0
        self._room -= 1.0
        return f" ({kept_back} more were not logged)" if kept_back else ""


class Log:
    """Logs each finding as one line of the logger `unjam`, and no more than some in a second."""

    def __init__(self, limit: LineLimit | None = None) -> None:
        self._limit = limit or LineLimit()

    def has_room(self) -> bool:
        """Whether a finding would be logged now."""
        return self._limit.has_room()

    def keep_back(self) -> None:
        """Count one that is not logged."""
        self._limit.keep_back()

    def write(self, finding: Finding) -> None:
        """Log it, or count it."""
        remark = self._limit.remark()
        if remark is not None:
            import logging

            logging.getLogger("unjam").warning(
                "stall %s%s", one_line(finding), remark, extra={"unjam": fields(finding)}
            )


def fields(finding: Finding) -> dict[str, Any]:
    """A finding as the flat fields that structured logs carry; times in milliseconds."""
    culprit, task = finding.culprit, finding.task
    return {
        "rule": finding.rule,
        "cause": finding.cause,
        "grade": finding.grade.label,
        "duration_ms": finding.max_ms,
        "file": culprit.file if culprit else None,
        "line": culprit.line if culprit else None,
        "function": culprit.function if culprit else None,
        "leaf": finding.leaf,
        "task": task.name if task else None,
        "coroutine": task.coroutine if task else None,
        "thread": finding.thread,
        "victims": finding.victim_count,
    }


_log = Log()

of_the_program: list[OnStall] = []
"""Who is told of the stalls of whatever monitor there is: the program's callbacks, where it has some."""


def wire(telling: Telling, settings: Settings) -> None:
    """Connect what the settings and the program ask for, each once."""
    wanted = [
        (telling.at_threshold, say_at_threshold, settings.live),
        (telling.at_end, say_at_end, settings.live),
        *((telling.at_end, listener, True) for listener in of_the_program),
    ]
    if settings.log and _log not in telling.logs:
        telling.logs.append(_log)
    for listeners, listener, is_wanted in wanted:
        if is_wanted and listener not in listeners:
            listeners.append(listener)
