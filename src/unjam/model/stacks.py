"""Frames and stacks as every half of unjam passes them on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

FrameKind: TypeAlias = Literal["function", "coroutine", "generator", "async-generator", "module", "class"]
"""What kind of code object the frame runs."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One Python frame, or one step of a chain found in source.

    `line` is 1-based, 0 where unknown. `column` and `end_column` are 0-based UTF-8 byte offsets of the instruction that
    was executing, on `line` to `end_line`; -1 where unknown (PEP 657).
    """

    file: str
    line: int
    function: str
    column: int = -1
    end_line: int = 0
    end_column: int = -1
    kind: FrameKind = "function"


Stack: TypeAlias = tuple[Frame, ...]
"""Outermost frame first, as in a traceback."""
