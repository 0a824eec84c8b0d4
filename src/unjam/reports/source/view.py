"""What a report of `unjam check` is made from: the problems to show, the result they come from, and the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from unjam.reports.page import Page
from unjam.reports.text import counted
from unjam.static.result import Problem, Result

DOCS = "https://unjam.readthedocs.io/rules/"
"""Where the page of each rule is published."""


@dataclass(frozen=True, slots=True)
class Shown:
    """`sources` holds the lines of the files that problems lie in."""

    result: Result
    problems: tuple[Problem, ...]
    page: Page = field(default_factory=Page)
    statistics: bool = False
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def relative(self, path: str) -> str:
        """A path below the project's root, with forward slashes."""
        try:
            return Path(path).relative_to(self.result.root).as_posix()
        except ValueError:
            return Path(path).as_posix()

    def summary(self) -> Iterator[str]:
        """The closing lines: what was found, what was held back, what was looked at, what could not be."""
        result = self.result
        yield f"{counted(len(self.problems), 'finding')}{self._held_back()}"
        seen = result.coverage
        if seen.percent is not None:
            yield (
                f"{counted(seen.files, 'file')}, {seen.lines:,} lines; {counted(seen.on_loop, 'function')} on a loop, "
                f"{seen.percent:.0f} % of their {seen.calls:,} calls resolved"
            )
        elif seen.files:
            yield f"{counted(seen.files, 'file')}, {seen.lines:,} lines; nothing in them runs on a loop"
        for path, reason in sorted(result.skipped.items()):
            yield f"skipped {self.relative(path)}: {reason}"
        yield from result.notices

    def _held_back(self) -> str:
        parts = [
            (self.result.hidden, "hidden as cheap, rare, or keeping nobody waiting that is known (--notes shows them)"),
            (self.result.known, "in the baseline"),
            (self.result.allowed, "allowed"),
        ]
        said = [f"{count:,} {text}" for count, text in parts if count]
        return f"; {', '.join(said)}" if said else ""


def callers(problem: Problem, most: int = 3) -> str:
    """Who leads there: `quote, order and 38 more`."""
    names = [place.function for place in problem.callers]
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
