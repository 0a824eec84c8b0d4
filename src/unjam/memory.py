"""What a monitor has said that later events refer to: stacks by id, names of threads, the loops that run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unjam.model.session import Event
    from unjam.model.stacks import Stack
    from unjam.monitor import Monitor

MOST_THREADS = 10_000
"""Names of threads kept: a program that starts more of them over its life names the later ones."""


class Stacks(Mapping[int, "Stack"]):
    """Stacks by id, each read when somebody asks for it: of a service's hundreds a conclusion asks for those of one stall."""

    def __init__(self) -> None:
        self._kept: dict[int, Event | Stack] = {}

    def put(self, number: int, event: Event) -> None:
        """Keep one as it was recorded."""
        self._kept[number] = event

    def __getitem__(self, number: int) -> Stack:
        """Raises KeyError where there is none. What reads is imported here, so that a program without a stall does not."""
        found = self._kept[number]
        if isinstance(found, dict):
            from unjam.recording.reader import parse_stack

            found = self._kept[number] = parse_stack(found)
        return found

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._kept))

    def __len__(self) -> int:
        return len(self._kept)


class Memory:
    """Fed with every event from its making on; what was said before is read back from the process's own recording."""

    def __init__(self, monitor: Monitor) -> None:
        self.stacks = Stacks()
        self._loops: dict[int, Event] = {}
        self._names: dict[str, str] = {}
        self._known: list[Event] | None = None
        for event in monitor.events_so_far():
            self.remember(event)

    def remember(self, event: Event) -> None:
        """Keep what later events refer to; bounded by what the engine interns."""
        kind = event["e"]
        if kind == "stack":
            self.stacks.put(event["id"], event)
        elif kind == "loop":
            self._loops[event["loop"]] = event
            self._known = None
        elif kind == "loop_end":
            self._loops.pop(event["loop"], None)
            self._known = None
        elif kind == "threads":
            self._names = self._names | event["names"]
            self._known = None
            while len(self._names) > MOST_THREADS:
                del self._names[next(iter(self._names))]

    def known(self) -> list[Event]:
        """The events that name threads and loops; the same list until there is another one: each test of a suite asks."""
        known = self._known
        if known is None:
            known = self._known = [{"e": "threads", "t": 0, "names": self._names}, *self._loops.values()]
        return known
