"""Events as typed nouns: whatever a recording holds, a field of the wrong type reads as "not measured"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from unjam.model.findings import Location, TaskName
from unjam.model.session import Event

State: TypeAlias = Literal["gil", "cpu", "ready", "kernel", "unknown"]
"""What the loop's thread did when it was looked at (docs/recording.md)."""
STATES: tuple[State, ...] = ("gil", "cpu", "ready", "kernel", "unknown")

Change: TypeAlias = Literal["none", "again", "elsewhere", "frame", "unknown", "cut"]
CHANGES: tuple[Change, ...] = ("none", "again", "elsewhere", "frame", "unknown", "cut")
"""How the stack of a sample differs from the one before it, by its number in a trail (docs/recording.md)."""

LOOK_NS = 10_000_000
"""The watchdog looks each 10 ms in the first second of a stall."""
LONGEST_NS = 10 * 365 * 24 * 3600 * 10**9
"""Ten years: a greater number in a recording is garbage and reads as "not measured"."""


@dataclass(frozen=True, slots=True)
class Group:
    """Equal samples of one stall: `count` of them, the first and the last at these nanoseconds; None is "not measured".

    A wait that is known to have gone on after its last sample lasts until `last` (docs/recording.md).
    For `unseen_ns` before its looks the GIL was kept from the one who looks. The holder of the GIL was followed for `holder_followed_ns`, and of that had no CPU itself for `holder_starved_ns`.
    """

    count: int
    first: int
    last: int
    stack: int | None
    state: State
    holds_gil: bool | None
    moved: int | None
    system_call: str
    descriptor: int | None
    target: str
    holder_tid: int | None
    holder_stack: int | None
    holder_followed_ns: int | None
    holder_starved_ns: int | None
    unseen_ns: int | None

    @property
    def looks(self) -> int:
        """How many samples it is worth: one wait in which nothing moved stands for all that would have met it, had the watchdog had a CPU."""
        is_one = self.state == "kernel" and self.moved == 0
        return max(self.count, 1 + (self.last - self.first) // LOOK_NS) if is_one else self.count


@dataclass(frozen=True, slots=True)
class Look:
    """One sample of a stall, in the order in which they were taken: its group, and what had happened since the sample before.

    `change` is about the outermost frame that differs, which is number `depth` of the stack, counted from the outside. `contexts` were
    entered or left since; None is "not known".
    """

    group: Group
    at: int
    change: Change
    depth: int
    contexts: int | None


@dataclass(frozen=True, slots=True)
class Stall:
    """One stall of one loop, as its last line tells.

    `runqueue_unsure_ns` on top of `runqueue_ns` may have been waited for a CPU in it, or before it.
    Where the loop has not come back, `end` is the end of the process where that is known, else the time of that line. `unseen_ns` is
    the time after that line: it belongs to the stall, and no sample or counter tells of it. `replaced` has the samples of a loop whose steps
    the Python tier cannot count, with the outermost frame that is another one than before ("frame"), or none ("none").
    """

    number: int
    loop: int
    start: int
    end: int
    ended: bool
    steps: int | None
    longest_step_ns: int | None
    cpu_ns: int | None
    runqueue_ns: int | None
    throttled_ns: int | None
    suspended_ns: int
    gil_asked_ns: int | None
    groups: tuple[Group, ...]
    trail: tuple[Look, ...] = ()
    replaced: tuple[Look, ...] = ()
    runqueue_unsure_ns: int = 0
    unseen_ns: int = 0

    @property
    def length_ns(self) -> int:
        """How long the loop was away."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Step:
    """One long step inside a stall; one that had not `ended` when it was told of has the time of that as its end."""

    stall: int
    start: int
    end: int
    task: TaskName | None
    definition: Location | None
    callback: str
    site: Location | None
    ended: bool = True
    request: str = ""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Steps of one kind inside a stall that is made of many."""

    name: str
    is_task: bool
    count: int
    total_ns: int
    longest_ns: int
    site: Location | None


@dataclass(frozen=True, slots=True)
class Pause:
    """A garbage collection; `loop` is None where it was not on a loop's thread, `stack` is where it struck."""

    start: int
    end: int
    generation: int
    collected: int
    tid: int | None
    loop: int | None
    stack: int | None


def stall_of(event: Event, *, killed_ns: int | None = None) -> Stall | None:
    """The stall of a `stall` event; None where its number or its times are no numbers.

    `killed_ns` is when the process was killed, or told the last of itself: a stall without an end lasted until then, as its end would
    have been written.
    """
    number, start, written = integer(event.get("id")), time_ns(event.get("t0")), time_ns(event.get("t"))
    end = time_ns(event.get("t1"))
    seen = end if end is not None else written
    if number is None or start is None or seen is None or seen <= start:
        return None
    last = max(seen, killed_ns or 0) if end is None else seen
    groups = [_group(each) for each in mappings(event.get("samples"))]
    runqueue = time_ns(event.get("runq_ns"))
    return Stall(
        number=number,
        loop=integer(event.get("loop")) or 0,
        start=start,
        end=last,
        ended=end is not None,
        steps=time_ns(event.get("steps")),
        longest_step_ns=time_ns(event.get("longest_step_ns")),
        cpu_ns=time_ns(event.get("cpu_ns")),
        runqueue_ns=runqueue,
        throttled_ns=time_ns(event.get("throttled_ns")),
        suspended_ns=min(time_ns(event.get("suspended_ns")) or 0, seen - start),
        gil_asked_ns=time_ns(event.get("gil_asked_ns")),
        groups=tuple(filter(None, groups)),
        trail=tuple(filter(None, (_look(each, groups, start) for each in lists(event.get("trail"))))),
        replaced=tuple(filter(None, (_order(each, groups, start) for each in lists(event.get("replaced"))))),
        runqueue_unsure_ns=0 if runqueue is None else time_ns(event.get("runq_unsure_ns")) or 0,
        unseen_ns=last - seen,
    )


def _group(value: Mapping[str, Any]) -> Group | None:
    count, first, last = integer(value.get("n")), time_ns(value.get("first")), time_ns(value.get("last"))
    if count is None or count <= 0 or first is None:
        return None
    state = value.get("state")
    holder = value.get("holder")
    holder = holder if isinstance(holder, dict) else {}
    holds = value.get("holds_gil")
    return Group(
        count=min(count, 10**9),
        first=first,
        last=max(first, last or first),
        stack=integer(value.get("stack")),
        state=next((each for each in STATES if each == state), "unknown"),
        holds_gil=holds if isinstance(holds, bool) else None,
        moved=time_ns(value.get("moved")),
        system_call=text(value.get("sys")),
        descriptor=integer(value.get("fd")),
        target=text(value.get("target")),
        holder_tid=integer(holder.get("tid")),
        holder_stack=integer(holder.get("stack")),
        holder_followed_ns=time_ns(holder.get("followed_ns")),
        holder_starved_ns=time_ns(holder.get("starved_ns")),
        unseen_ns=time_ns(value.get("unseen_ns")),
    )


def _look(value: list[Any], groups: Sequence[Group | None], start: int) -> Look | None:
    number, at, change, depth, contexts = (
        (integer(each) if (integer(each) or 0) >= 0 else None) for each in (*value, *[None] * 5)[:5]
    )
    if number is None or number >= len(groups) or at is None or change is None or change >= len(CHANGES):
        return None
    group = groups[number]
    return Look(group, start + 1000 * at, CHANGES[change], depth or 0, contexts) if group else None


def _order(value: list[Any], groups: Sequence[Group | None], start: int) -> Look | None:
    other = value[2:3]
    return _look([*(*value, None, None)[:2], CHANGES.index("frame" if other else "none"), *other], groups, start)


def step_of(event: Event) -> Step | None:
    """The step of a `step` event."""
    number, start, end = integer(event.get("stall")), time_ns(event.get("t0")), time_ns(event.get("t1"))
    if number is None or start is None:
        return None
    task = event.get("task")
    return Step(
        stall=number,
        start=start,
        end=end if end is not None else (time_ns(event.get("t")) or start),
        task=task_name(task),
        definition=_definition(task),
        callback=text(event.get("callback")),
        site=location(event.get("site")),
        ended=end is not None,
        request=text(event.get("request")),
    )


def crowd_of(value: Mapping[str, Any]) -> Crowd:
    """One group of a `crowd` event."""
    coroutine = text(value.get("coroutine"))
    return Crowd(
        name=coroutine or text(value.get("callback")),
        is_task=bool(coroutine),
        count=time_ns(value.get("n")) or 0,
        total_ns=time_ns(value.get("total_ns")) or 0,
        longest_ns=time_ns(value.get("max_ns")) or 0,
        site=location(value.get("site")),
    )


def pause_of(event: Event) -> Pause | None:
    """The pause of a `gc` event."""
    start, end = time_ns(event.get("t0")), time_ns(event.get("t1"))
    if start is None or end is None or end < start:
        return None
    return Pause(
        start=start,
        end=end,
        generation=integer(event.get("gen")) or 0,
        collected=time_ns(event.get("collected")) or 0,
        tid=integer(event.get("tid")),
        loop=integer(event.get("loop")),
        stack=integer(event.get("stack")),
    )


def integer(value: object) -> int | None:
    """An exact int of at most 64 bits, else None."""
    return value if type(value) is int and abs(value) < 1 << 63 else None


def time_ns(value: object) -> int | None:
    """A count or a time that can be one, else None."""
    number = integer(value)
    return number if number is not None and 0 <= number < LONGEST_NS else None


def text(value: object) -> str:
    """An exact str, else ""."""
    return value if type(value) is str else ""


def mappings(values: object) -> list[dict[str, Any]]:
    """Those of a list that are objects."""
    return [each for each in values if isinstance(each, dict)] if isinstance(values, list) else []


def lists(values: object) -> list[list[Any]]:
    """Those of a list that are lists."""
    return [each for each in values if isinstance(each, list)] if isinstance(values, list) else []


def location(value: object) -> Location | None:
    """A place given as [file, line, function]."""
    if not isinstance(value, list) or not value or not text(value[0]):
        return None
    file, line, function = (*value, None, None)[:3]
    return Location(text(file), integer(line) or 0, text(function))


def task_name(value: object) -> TaskName | None:
    """The task of an object with `name` and `coroutine`."""
    if not isinstance(value, dict) or not (text(value.get("name")) or text(value.get("coroutine"))):
        return None
    return TaskName(text(value.get("name")), text(value.get("coroutine")))


def _definition(value: object) -> Location | None:
    if not isinstance(value, dict) or not text(value.get("file")):
        return None
    return Location(text(value["file"]), integer(value.get("line")) or 0, text(value.get("coroutine")))


def of_kind(events: Iterable[Event], kind: str) -> list[Event]:
    """The events of that kind, in order."""
    return [event for event in events if event.get("e") == kind]
