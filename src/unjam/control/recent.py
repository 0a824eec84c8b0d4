"""The last events of the own process, kept in memory for who asks: stalls with their stacks, steps and victims."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

KINDS: Final = frozenset({"stall", "step", "crowd", "victims", "request", "holder", "gc", "pool", "timeout"})
MOST_EVENTS: Final = 400
MOST_STACKS: Final = 1_000
"""About a megabyte in the worst case; older ones are forgotten, the recording has them."""


class Recent:
    """A subscriber of the monitor; read from another thread, so each look is a copy."""

    def __init__(self) -> None:
        self._events: deque[dict[str, Any]] = deque(maxlen=MOST_EVENTS)
        self._loops: dict[int, dict[str, Any]] = {}
        self._stacks: dict[int, dict[str, Any]] = {}

    def __call__(self, event: dict[str, Any]) -> None:
        """Keep an event if it is of a kind that somebody asks for."""
        kind = event.get("e")
        if kind == "stack":
            self._stacks[event["id"]] = event
            if len(self._stacks) > MOST_STACKS:
                self._stacks.pop(next(iter(self._stacks)))
        elif kind == "loop":
            self._loops[event["loop"]] = event
        elif kind == "loop_end":
            self._loops.pop(event["loop"], None)
        elif kind in KINDS:
            self._events.append(event)

    def events(self, most: int = MOST_EVENTS) -> list[dict[str, Any]]:
        """Return the last events, of each stall the last line only, with the loops and stacks that they name before them."""
        last: dict[Any, dict[str, Any]] = {}
        for event in list(self._events)[-most:]:
            last[("stall", event["id"]) if event["e"] == "stall" else id(event)] = event
        wanted = {group.get("stack") for event in last.values() for group in event.get("samples", ())}
        wanted |= {
            (group.get("holder") or {}).get("stack") for event in last.values() for group in event.get("samples", ())
        }
        stacks = [event for number, event in list(self._stacks.items()) if number in wanted]
        return [*self._loops.values(), *stacks, *last.values()]

    def open_stall(self, loop: int) -> int | None:
        """Return the number of the stall that a loop is in, None where none has been told."""
        for event in reversed(list(self._events)):
            if event["e"] == "stall" and event["loop"] == loop:
                return None if event["t1"] is not None else int(event["id"])
        return None
