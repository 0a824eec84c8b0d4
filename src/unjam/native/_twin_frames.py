"""Whether a frame is the one that was seen before: what tells steps apart on a loop that does not let them be counted.

A frame object, once made, lives as long as its function runs, so a frame with another identity is of another call. The converse has to be
seen to: the memory of one that is over may be given to the next. Nobody may hold a frame meanwhile, as all that its function refers to would
live on, and end in a thread that is not its own. So memory of the same size is taken before each look, and kept until the stall is over.
"""

from __future__ import annotations

import sys

from unjam.native._twin_stacks import INNERMOST, OUTERMOST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

FIRST, EACH = 48, 8
"""Pieces of memory of each size that are taken before the second look, and before each one after it.

The first ones are all that was free before, or most of it; then what a frame has given back is given out soon (CPython, Objects/obmalloc.c),
behind what else the program has given back meanwhile: with 2 each, half of the steps of 10 ms were taken for the one before, with 8 none of 47.
"""
MOST_TAKEN = 8_192
"""Pieces taken in one stall, one or two megabytes, which is a second or more of looks: a loop that hangs for hours is not followed any further."""
EMPTY = sys.getsizeof(b"")


class Identities:
    """Tells the frames of threads apart, from one look to the next."""

    def __init__(self) -> None:
        self._sizes: dict[int, set[int]] = {}
        self._taken: dict[int, list[bytes]] = {}

    def forget(self, ident: int) -> None:
        """That thread is not looked at any more, for now."""
        self._sizes.pop(ident, None)
        self._taken.pop(ident, None)

    def occupy(self, ident: int) -> None:
        """Take the memory that frames of this thread may have given back, before it is looked at again."""
        taken, sizes = self._taken.setdefault(ident, []), self._sizes.get(ident, ())
        if len(taken) < MOST_TAKEN:
            taken += [bytes(size - EMPTY) for size in sizes for _ in range(EACH if taken else FIRST)]

    def of(self, ident: int, frame: FrameType) -> tuple[int, ...]:
        """What tells the frames of a thread's stack apart, outermost first; empty where they are too many for each to be recorded.

        Empty as well once so much memory has been taken that a new frame may be given that of an old one.
        """
        if len(self._taken.get(ident, ())) >= MOST_TAKEN:
            return ()
        found: list[int] = []
        sizes = self._sizes[ident] = set()
        present: FrameType | None = frame
        while present is not None:
            found.append(id(present))
            sizes.add(sys.getsizeof(present))
            present = present.f_back
        return tuple(reversed(found)) if len(found) <= INNERMOST + OUTERMOST else ()


def replaced(before: tuple[int, ...], now: tuple[int, ...]) -> int | None:
    """The place, from the outside, of the outermost frame that is another one than before, or there no more; None where there is none."""
    common = zip(before, now, strict=False)
    first = next((number for number, (old, new) in enumerate(common) if old != new), min(len(before), len(now)))
    return None if first == len(before) == len(now) else first
