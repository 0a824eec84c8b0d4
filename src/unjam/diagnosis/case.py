"""One process as diagnosis works on it: its events sorted by kind, its stacks as views, its sources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from unjam.diagnosis import events as event
from unjam.diagnosis.events import Crowd, Pause, Stall, Step
from unjam.diagnosis.source import Sources
from unjam.diagnosis.view import Views
from unjam.model.findings import Location
from unjam.model.origins import Origins
from unjam.model.session import Event, Process

DEFAULT_THRESHOLD_NS = 50_000_000


@dataclass(frozen=True, slots=True)
class LoopLife:
    """A loop from its `loop` event on; `end` is None where it still ran at the last event."""

    number: int
    thread: str
    tid: int | None
    type: str
    has_steps: bool
    start: int
    end: int | None


class Case:
    """All that is known of one process. Nothing in it changes once it is made."""

    def __init__(
        self, process: Process, sources: Sources, *, threshold_ns: int | None = None, zero_ns: int | None = None
    ) -> None:
        self.process = process
        self.header = process.header
        self.sources = sources
        self.origins = Origins.of(process.header)
        self.views = Views(process.stacks, process.partial, self.origins, sources)
        self.tier = event.text(process.header.get("tier"))
        self.switch_ns = event.time_ns(process.header.get("switch_interval_ns")) or 0
        self.threshold_ns = threshold_ns or event.time_ns(process.header.get("threshold_ns")) or DEFAULT_THRESHOLD_NS
        self.start = start_of(process)
        last = max((t for each in process.events if (t := event.time_ns(each.get("t")))), default=self.start)
        self.end = max(last, process.ended_ns or 0)
        self.zero_ns = self.start if zero_ns is None else zero_ns
        self._by_kind: dict[str, list[Event]] = defaultdict(list)
        for each in process.events:
            self._by_kind[event.text(each.get("e"))].append(each)
        self.loops = {life.number: life for life in _lives(self.kind("loop"), self.kind("loop_end"))}
        self.threads = _thread_names(self.kind("threads"), self.loops.values())
        self.stalls = _stalls(self.kind("stall"), self.end if process.killed else None)
        steps = [step for each in self.kind("step") if (step := event.step_of(each))]
        self.steps = _by_stall(steps)
        self.seen = {step.stall: step for step in steps if not step.ended}
        self.lock_holders = {
            number: each for each in self.kind("holder") if (number := event.integer(each.get("stall"))) is not None
        }
        self.pauses: tuple[Pause, ...] = tuple(filter(None, map(event.pause_of, self.kind("gc"))))
        self.crowds = {
            number: each for each in self.kind("crowd") if (number := event.integer(each.get("stall"))) is not None
        }
        self.victims = {
            number: each for each in self.kind("victims") if (number := event.integer(each.get("stall"))) is not None
        }

    def kind(self, name: str) -> list[Event]:
        """The events of that kind, in the order in which they were written."""
        return self._by_kind.get(name, [])

    def seconds(self, time_ns: int) -> float:
        """Seconds since the start of the session."""
        return round((time_ns - self.zero_ns) / 1e9, 6)

    def thread_of(self, loop: int) -> str:
        """The name of the thread that a loop runs in, "" where it is not known."""
        life = self.loops.get(loop)
        return life.thread if life else ""

    def steps_of(self, stall: Stall) -> tuple[Step, ...]:
        """The long steps of a stall, in order."""
        return tuple(self.steps.get(stall.number, ()))

    def crowd_of(self, stall: Stall) -> tuple[Crowd, ...]:
        """The kinds of steps of a stall that is made of many, most time first."""
        groups = event.mappings(self.crowds.get(stall.number, {}).get("groups"))
        return tuple(sorted(map(event.crowd_of, groups), key=lambda each: -each.total_ns))

    def is_guessed(self, stall: Stall) -> bool:
        """Whether the kinds of its steps were found by looking at some of them."""
        return self.crowds.get(stall.number, {}).get("guessed") is True

    def is_user(self, place: Location | None) -> bool:
        """Whether a place is the user's own code."""
        return place is not None and self.origins.owner(place.file, place.function) == "user"


def start_of(process: Process) -> int:
    """When the process was first heard of, 0 where no event says a time."""
    return min((t for each in (process.header, *process.events) if (t := event.time_ns(each.get("t")))), default=0)


def _lives(starts: Iterable[Event], ends: Iterable[Event]) -> Iterable[LoopLife]:
    ended = {event.integer(each.get("loop")): event.time_ns(each.get("t")) for each in ends}
    for each in starts:
        number = event.integer(each.get("loop"))
        if number is not None:
            yield LoopLife(
                number=number,
                thread=event.text(each.get("thread")),
                tid=event.integer(each.get("tid")),
                type=event.text(each.get("type")),
                has_steps=each.get("steps") is True,
                start=event.time_ns(each.get("t")) or 0,
                end=ended.get(number),
            )


def _thread_names(named: Iterable[Event], loops: Iterable[LoopLife]) -> dict[int, str]:
    names = {life.tid: life.thread for life in loops if life.tid is not None and life.thread}
    for each in named:
        given = each.get("names")
        for tid, name in given.items() if isinstance(given, dict) else ():
            if isinstance(tid, str) and tid.isdecimal() and len(tid) < 20 and isinstance(name, str):  # noqa: PLR2004 -- 64 bits
                names[int(tid)] = name
    return names


def _stalls(lines: Iterable[Event], killed_ns: int | None) -> tuple[Stall, ...]:
    """One for each number: the last line counts."""
    last: dict[int, Stall] = {}
    for each in lines:
        stall = event.stall_of(each, killed_ns=killed_ns)
        if stall is not None:
            last[stall.number] = stall
    return tuple(sorted(last.values(), key=lambda each: each.start))


def _by_stall(steps: Iterable[Step]) -> Mapping[int, list[Step]]:
    grouped: dict[int, list[Step]] = defaultdict(list)
    for step in sorted(steps, key=lambda each: each.start):
        grouped[step.stall].append(step)
    # What was told of a step that still ran is as old as its line: once steps are told with their ends, those count.
    return {number: [each for each in mine if each.ended] or mine for number, mine in grouped.items()}
