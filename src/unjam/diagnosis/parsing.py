"""Parsing a file in pieces: diagnosis also runs inside the program, where who parses keeps the GIL from everybody else."""

from __future__ import annotations

import ast
import gc
import re
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

PIECE_LINES = 150
"""A piece ends at the first place for it after so many lines: parsing them takes 1 to 2 ms, well below any threshold."""
_STARTS = ("def ", "class ", "async def ", "@", "import ", "from ")
_COUNTS_DEPTH_TOGETHER = sys.version_info < (3, 11, 8)
"""Before that, trees that two threads make at once spoil each other's count of depth, and one of them fails (CPython issue 106905). Making one
lets go of the GIL only where a collection begins in it; from 3.12 on none does."""


_QUOTES = ('"""', "'''")


class CutWrong(Exception):
    """A piece is no Python by itself: the file was cut within a string or between brackets, or is none."""


class Parsed:
    """The top-level statements of a file, of which only those pieces are parsed that somebody asks about."""

    def __init__(self, lines: Sequence[str], *, cut: bool = True) -> None:
        """With `cut` a method may raise CutWrong; without, the file is parsed here, in one, and this raises what ast.parse does."""
        self._texts = list(pieces(lines)) if cut else ["\n".join(lines)]
        self._firsts = [len(text) - len(text.lstrip("\n")) + 1 for text in self._texts]
        self._mentions: dict[str, Sequence[int]] = {}
        self._statements: dict[int, list[ast.stmt]] = {} if cut else {0: _tree(self._texts[0]).body}

    def at(self, line: int) -> list[ast.stmt]:
        """Those that stand on a line, with their decorators."""
        number = max(0, bisect_right(self._firsts, line) - 1)
        return [each for each in self._piece(number) if first_line(each) <= line <= (each.end_lineno or 0)]

    def mentions(self, name: str) -> Sequence[int]:
        """The lines that mention a name, in ascending order."""
        if name not in self._mentions:
            word = re.compile(rf"\b{re.escape(name)}\b")
            self._mentions[name] = [line for text in self._texts for line in _lines_with(word, text)]
        return self._mentions[name]

    def naming(self, name: str) -> Iterator[list[ast.stmt]]:
        """Those of each piece that mentions a name, in order: in no other one can it be given a meaning."""
        pieces_with = (bisect_right(self._firsts, line) - 1 for line in self.mentions(name))
        for number in dict.fromkeys(max(0, number) for number in pieces_with):
            yield self._piece(number)

    def _piece(self, number: int) -> list[ast.stmt]:
        if number not in self._statements:
            try:
                self._statements[number] = _tree(self._texts[number]).body
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                raise CutWrong from error
        return self._statements[number]


def first_line(node: Any) -> int:
    """Where a node that stands in the text begins, with its decorators."""
    decorators: Sequence[ast.expr] = getattr(node, "decorator_list", ())
    line: int = min((each.lineno for each in decorators), default=node.lineno) if decorators else node.lineno
    return line


def _lines_with(word: re.Pattern[str], text: str) -> Iterator[int]:
    """The numbers of the lines of a piece, counted from 1, in which a word stands."""
    line, counted, last = 1, 0, 0
    for found in word.finditer(text):
        line, counted = line + text.count("\n", counted, found.start()), found.start()
        if line != last:
            yield (last := line)


def parsed(lines: Sequence[str]) -> ast.Module:
    """The syntax tree of a file. Raises what ast.parse does."""
    try:
        return ast.Module([statement for piece in pieces(lines) for statement in _tree(piece).body], [])
    except SyntaxError:  # cut within a string or between brackets, or no Python at all
        return _tree("\n".join(lines))


def pieces(lines: Sequence[str]) -> Iterator[str]:
    """The text in pieces that end between top-level statements, each after as many empty lines as lines stand before it.

    What looks like a statement within a string in three quotes is none, as far as counting the quotes can tell.
    """
    first, quotes = 0, dict.fromkeys(_QUOTES, 0)
    counted = 0
    for number, line in enumerate(lines):
        if number - first >= PIECE_LINES and line.startswith(_STARTS) and not lines[number - 1].strip():
            text = "\n".join(lines[counted:number])
            quotes = {each: count + text.count(each) for each, count in quotes.items()}
            counted = number
            if not any(count % 2 for count in quotes.values()):
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
