"""Frames that `stack` events share: written once, in a stack that is written in full, and put back by who reads (docs/recording.md)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

FULL_STACKS = 8
"""A stack is written with what it shares with one of so many that were written in full last: a program has few outermost parts, one for
each thread and each way by which requests come in."""

FULL_STACKS_READ = 8 * FULL_STACKS
"""A reader keeps more of them: threads that write at the same time may mix their lines."""


class FullStacks:
    """The stacks that were written in full last, for who writes; their frames may be of any type that compares."""

    def __init__(self) -> None:
        self._full: dict[int, tuple[Any, ...]] = {}

    def forget(self) -> None:
        """One of them may have been lost."""
        self._full.clear()

    def fields(self, frames: Sequence[Any]) -> dict[str, Any]:
        """`base` and `f` of a stack that is to be written now: in full unless half of it stands in one of them."""
        base, shared = 0, 0
        for full, others in self._full.copy().items():
            both = _shared(frames, others)
            if both > shared:
                base, shared = full, both
        if base and shared >= len(frames) - shared:
            return {"base": [base, shared], "f": list(frames[shared:])}
        return {"f": list(frames)}

    def written(self, number: int, frames: Sequence[Any]) -> None:
        """A stack has been written in full: only now others may refer to it, which another thread may write at any time."""
        self._full[number] = tuple(frames)
        for earliest in list(self._full)[:-FULL_STACKS]:
            self._full.pop(earliest, None)


class WholeStacks:
    """Makes every `stack` event whole again, for who reads them in the order in which they were written."""

    def __init__(self) -> None:
        self._full: dict[Any, list[Any]] = {}

    def restore(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """The event with all of its frames; None where those that it shares are not known, as their line was lost or is garbage."""
        number, base, frames = event.get("id"), event.get("base"), event.get("f")
        if type(number) is not int or not isinstance(frames, list):
            return event
        if base is None:
            self._full[number] = frames
            while len(self._full) > FULL_STACKS_READ:
                del self._full[next(iter(self._full))]
            return event
        shared = self._shared(base)
        if shared is None:
            return None
        return {key: value for key, value in event.items() if key != "base"} | {"f": shared + frames}

    def _shared(self, base: Any) -> list[Any] | None:
        if not isinstance(base, list) or [type(part) for part in base] != [int, int]:
            return None
        full, count = self._full.get(base[0], []), base[1]
        return full[:count] if 0 < count <= len(full) else None


def _shared(one: Sequence[Any], other: Sequence[Any]) -> int:
    both = zip(one, other, strict=False)
    return next((number for number, (mine, theirs) in enumerate(both) if mine != theirs), min(len(one), len(other)))
