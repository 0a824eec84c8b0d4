"""Parsing a file in pieces: diagnosis also runs inside the program, where who parses keeps the GIL from everybody else."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Iterator, Sequence

PIECE_LINES = 150
"""A piece ends at the first place for it after so many lines: parsing them takes 1 to 2 ms, well below any threshold."""
_STARTS = ("def ", "class ", "async def ", "@", "import ", "from ")
_COUNTS_DEPTH_TOGETHER = sys.version_info < (3, 11, 8)
"""Before that, trees that two threads make at once spoil each other's count of depth, and one of them fails (CPython issue 106905). Making one
lets go of the GIL only where a collection begins in it; from 3.12 on none does."""


def parsed(lines: Sequence[str]) -> ast.Module:
    """The syntax tree of a file. Raises what ast.parse does."""
    try:
        return ast.Module([statement for piece in pieces(lines) for statement in _tree(piece).body], [])
    except SyntaxError:  # cut within a string or between brackets, or no Python at all
        return _tree("\n".join(lines))


def pieces(lines: Sequence[str]) -> Iterator[str]:
    """The text in pieces that end between top-level statements, each after as many empty lines as lines stand before it."""
    first = 0
    for number, line in enumerate(lines):
        if number - first >= PIECE_LINES and line.startswith(_STARTS) and not lines[number - 1].strip():
            yield "\n" * first + "\n".join(lines[first:number])
            first = number
    yield "\n" * first + "\n".join(lines[first:])


def _tree(text: str) -> ast.Module:
    collects = _COUNTS_DEPTH_TOGETHER and gc.isenabled()
    if collects:
        gc.disable()
    try:
        return ast.parse(text)
    finally:
        if collects:
            gc.enable()
