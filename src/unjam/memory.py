"""What a monitor has said that later events refer to: stacks by id, names of threads, the loops that run."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from unjam.model.session import Event
    from unjam.model.stacks import Stack
    from unjam.monitor import Monitor

MOST_THREADS = 10_000
"""Names of threads kept: a program that starts more of them over its life names the later ones."""


class Memory:
    """Fed with every event from its making on; what was said before is read back from the process's own recording."""

    def __init__(self, monitor: Monitor) -> None:
        self._stacks: dict[int, Event | Stack] = {}
        self._loops: dict[int, Event] = {}
        self._names: dict[str, str] = {}
        self._known: list[Event] | None = None
        for event in monitor.events_so_far():
            self.remember(event)

    def remember(self, event: Event) -> None:
        """Keep what later events refer to; bounded by what the engine interns."""
        kind = event["e"]
        if kind == "stack":
            self._stacks[event["id"]] = event
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

    @property
    def stacks(self) -> Mapping[int, Stack]:
        """The stacks by id, as they come; what reads them is imported when they are asked for, so that a program without a stall does not."""
        from unjam.recording.reader import Stacks

        return Stacks(self._stacks)

    def known(self) -> list[Event]:
        """The events that name threads and loops; the same list until there is another one: each test of a suite asks."""
        known = self._known
        if known is None:
            known = self._known = [{"e": "threads", "t": 0, "names": self._names}, *self._loops.values()]
        return known
