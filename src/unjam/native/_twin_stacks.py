"""Python stacks as the twin sees them: with the GIL, through `sys._current_frames`."""

from __future__ import annotations

import itertools
from itertools import islice
from opcode import opmap
from types import CodeType, FrameType
from typing import TypeAlias

FrameFields: TypeAlias = tuple[str, int, str, int, int, int, str]
"""One frame of a `stack` event: file, line, qualname, column, end_line, end_column, kind (docs/recording.md)."""

Place: TypeAlias = tuple[CodeType, int, int]
"""A frame's code, the offset of its instruction in bytes, and its line."""

INNERMOST, OUTERMOST = 200, 50
"""Frames kept at either end of a stack: a runaway recursion is known by both, and costs no more than a deep program."""

MOST_STACKS = 4096
"""Distinct stacks remembered for one process; beyond it a stack is written again instead of being remembered."""

# Flags of code objects: https://docs.python.org/3/library/inspect.html#code-objects-bit-flags
_OPTIMIZED, _GENERATOR, _COROUTINE, _ITERABLE_COROUTINE, _ASYNC_GENERATOR = 0x1, 0x20, 0x80, 0x100, 0x200


def walk(frame: FrameType | None) -> list[Place]:
    """The places of a frame and its callers, innermost first; the middle of a very deep stack is left out."""
    places: list[Place] = []
    while frame is not None:
        places.append((frame.f_code, frame.f_lasti, frame.f_lineno or 0))
        frame = frame.f_back
    if len(places) > INNERMOST + OUTERMOST:
        del places[INNERMOST:-OUTERMOST]
    return places


def begun(places: list[Place]) -> list[Place]:
    """The places less an innermost function that has not begun: the GIL is given up right where one is entered, too.

    Such a frame stands at its RESUME with an argument of 0, which is the line of its `def` (docs.python.org/3/library/dis.html).
    """
    code, lasti, _ = places[0]
    resume, where = code.co_code[lasti : lasti + 2] or (0, 0)
    return places[1:] if resume == opmap["RESUME"] and not where & 3 and len(places) > 1 else places


def describe(places: list[Place]) -> list[FrameFields]:
    """The frames of a `stack` event, outermost first."""
    return [_fields(*place) for place in reversed(places)]


def _fields(code: CodeType, lasti: int, line: int) -> FrameFields:
    _, end_line, column, end_column = next(islice(code.co_positions(), lasti // 2, None), (None,) * 4)
    return (
        code.co_filename,
        line,
        code.co_qualname,
        -1 if column is None else column,
        end_line or line,
        -1 if end_column is None else end_column,
        _kind(code),
    )


def _kind(code: CodeType) -> str:
    flags = code.co_flags
    if flags & (_COROUTINE | _ITERABLE_COROUTINE):
        return "c"
    if flags & _ASYNC_GENERATOR:
        return "a"
    if flags & _GENERATOR:
        return "g"
    if flags & _OPTIMIZED:
        return "f"
    return "m" if code.co_name == "<module>" else "k"


class StackTable:
    """Gives each distinct stack a number. The watchdog and a loop's own thread may ask at the same time."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[FrameFields, ...], int] = {}
        self._next = itertools.count(1).__next__

    def number(self, frames: list[FrameFields]) -> tuple[int, bool]:
        """The stack's number, and whether it is new, so that its `stack` event has to be written."""
        key = tuple(frames)
        known = self._numbers.get(key)
        if known is not None:
            return known, False
        number = self._next()
        if len(self._numbers) >= MOST_STACKS:
            return number, True
        # setdefault is atomic: whoever comes second throws its number away.
        kept = self._numbers.setdefault(key, number)
        return kept, kept == number
