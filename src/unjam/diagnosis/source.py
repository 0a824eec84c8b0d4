"""What the source says of an instruction: each file is read once, and what was asked of it is remembered."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from unjam.diagnosis.module import Instruction, Module
from unjam.diagnosis.parsing import CutWrong, Parsed, parsed
from unjam.model.granted import Granted, granted_in
from unjam.model.stacks import Frame

Provider: TypeAlias = Callable[[str], tuple[str, ...] | None]
"""Gives the lines of a file as they were when the program ran, or None: diagnosis itself reads nothing."""
Told = TypeVar("Told")

MOST_LINES = 20_000
"""Longer files are generated; parsing one would take seconds and name nothing that a user knows."""
KEPT_LINES = 2_000
"""Lines of the files whose trees are kept between two stalls of a program: 3 MB at the most, and what is asked next is mostly in one of them."""
MOST_ANSWERS = 4_096
"""Answers kept between two stalls: a service is seen in some hundred places. With more of them all are forgotten."""


class Sources:
    """What the source says, for one diagnosis: each file is read and parsed at most once.

    A program that draws conclusions while it runs keeps one, and has it `rest` after each: parsing takes some ten milliseconds a
    file, and stalls come back to the same places.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._lines: dict[str, tuple[str, ...] | None] = {}
        self._modules: dict[str, Module | None] = {}
        self._answers: dict[tuple[str, object], Any] = {}

    def lines(self, file: str) -> tuple[str, ...] | None:
        """The lines of a file, None where they cannot be had."""
        if file not in self._lines:
            self._lines[file] = self._provider(file)
        return self._lines[file]

    def instruction(self, frame: Frame) -> Instruction | None:
        """What the frame was executing; None where the source does not tell."""
        told: Instruction | None = self._answer(frame.file, frame, lambda module: module.instruction(frame))
        return told

    def granted(self, file: str) -> list[Granted]:
        """The allowances that are written in a file; none where it cannot be had."""
        return self._answer(file, "granted", lambda _: _granted(self.lines(file) or ())) or []

    def read(self, frame: Frame, of: Callable[[Sequence[ast.AST]], Told]) -> Told:
        """What a function makes of the syntax node that the frame was executing and of all that hold it, innermost first, up to its function.

        There are none where it is not known. Of one frame a function is asked once.
        """
        told: Told | None = self._answer(frame.file, (frame, of), lambda module: of(module.around(frame)))
        return of(()) if told is None else told

    def mentioned(self, file: str, line: int, name: str) -> str:
        """The qualified name of what that line mentions as `name` (`time.sleep` for "sleep"); the name itself where it does not."""
        return self._answer(file, (line, name), lambda module: module.mentioned(line, name)) or name

    def rest(self) -> None:
        """A conclusion is drawn: keep the answers, and of texts and trees those that were read last."""
        if len(self._answers) > MOST_ANSWERS:
            self._answers.clear()
        kept, left = {}, KEPT_LINES
        for file in reversed(self._modules):
            length = len(self._lines.get(file) or ())
            if 0 < length <= left:
                kept[file], left = self._modules[file], left - length
        self._modules = dict(reversed(kept.items()))
        self._lines = {file: self._lines[file] for file in self._modules}

    def _answer(self, file: str, question: object, ask: Callable[[Module], Any]) -> Any:
        """What a file tells, remembered. Where there is no text there may be one later, so that is not."""
        key = (file, question)
        if key not in self._answers:
            lines = self.lines(file)
            if lines is None:
                return None
            self._answers[key] = self._ask(file, lines, ask)
        return self._answers[key]

    def _ask(self, file: str, lines: tuple[str, ...], ask: Callable[[Module], Any]) -> Any:
        if file not in self._modules:
            self._modules[file] = Module(Parsed(lines)) if len(lines) <= MOST_LINES else None
        module = self._modules[file]
        try:
            return ask(module) if module else None
        except CutWrong:
            module = self._modules[file] = _whole(lines)
            return ask(module) if module else None


def _whole(lines: tuple[str, ...]) -> Module | None:
    """A file that was cut where it must not be, in one piece; None where it is no Python."""
    try:
        return Module(Parsed(lines, cut=False))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _granted(lines: tuple[str, ...]) -> list[Granted]:
    if not any("allow" in line for line in lines):
        return []  # as in nearly every file, which need not be parsed for that
    try:
        return granted_in(parsed(lines), lines)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
