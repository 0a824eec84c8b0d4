"""The text of a failure, short or whole, and how it is coloured where it is shown."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from _pytest._code.code import ReprFileLocation, TerminalRepr

if TYPE_CHECKING:
    from unjam.model.findings import Finding

HELD = "this test held its event loop for longer than"
HANGS = "this test hangs:"
STILL = "this test has not got on for"
"""How a test fails that has not got on: the second where all that it waits for ends, as far as can be seen."""

NOBODYS = "nothing of yours"
"""In the place of a line where none is to blame."""

FIRST_CALL = " (first call only)"
OF_THE_RUN = " (the objects of the whole run)"

_STYLES: tuple[tuple[re.Pattern[str], dict[str, bool]], ...] = (
    (re.compile(rf"{HELD}|{HANGS}|{STILL}"), {"red": True, "bold": True}),
    (re.compile(r"\d+ ms  UJ"), {"red": True}),
    (re.compile(r"UJ\d{3} "), {"red": True}),
    (re.compile(r"    (?:do|or): "), {"green": True}),
    (re.compile(r"    \d+ \| "), {"bold": True}),
    (re.compile(r"    (?:more|proof|in|waits): "), {"light": True}),
)
"""How the lines of a failure are shown, by how they begin."""


class Coloured(TerminalRepr):
    """The text of a failure, coloured where it is shown; JUnit and the like get the text alone."""

    def __init__(self, text: str, place: tuple[str, int]) -> None:
        self._text = text
        lines = text.splitlines()
        said = next((line.strip() for line in lines[1:] if line.strip()), lines[0])
        self.reprcrash = ReprFileLocation(*place, lines[0] if lines[0].startswith((HANGS, STILL)) else said)

    def __str__(self) -> str:
        return self._text

    def toterminal(self, tw: Any) -> None:
        """Write it line by line."""
        for line in self._text.splitlines():
            style = next((style for begins, style in _STYLES if begins.match(line)), {})
            tw.line(line, **style)


def is_ours(longrepr: object) -> bool:
    """Whether the text of a report is a failure of ours."""
    return longrepr is not None and str(longrepr).startswith((HELD, HANGS, STILL))


def failure_text(findings: Sequence[Finding], *, max_block: str, verbose: bool) -> str:
    """Why the test fails: each finding with its line, its ways there, what it did and what to do; with `verbose` also the proof."""
    head = f"{HELD} {max_block}"
    return "\n\n".join([head, *("\n".join(_paragraph(finding, verbose=verbose)) for finding in findings)])


def _paragraph(finding: Finding, *, verbose: bool) -> Iterator[str]:
    yield line_of(finding)
    if finding.culprit:
        yield from _source(finding.culprit.file, finding.culprit.line)
    for link in finding.chain:
        if link.file and (verbose or link.kind == "user"):
            yield f"    in: {relative(link.file)}:{link.line} {link.function}"
    if verbose:
        yield from (f"    proof: {evidence.text}" for evidence in finding.evidence)
    remedies = finding.remedies if verbose else finding.remedies[:1]
    for index, remedy in enumerate(remedies):
        yield f"    {'or' if index else 'do'}: {remedy.text} (costs: {remedy.cost})"
    if finding.rule:
        yield f"    more: unjam explain {finding.rule}"


def _source(file: str, line: int) -> Iterator[str]:
    from unjam.telling import source_lines

    lines = source_lines(file)
    if lines and line <= len(lines):
        yield f"    {line} | {lines[line - 1].strip()}"


def line_of(finding: Finding, remark: str = "") -> str:
    """A finding as one line: length, rule, place, leaf, how often, and a remark."""
    where = NOBODYS
    if finding.culprit:
        where = f"{relative(finding.culprit.file)}:{finding.culprit.line} in {finding.culprit.function}"
    leaf = f", {finding.leaf}" if finding.leaf else ""
    times = f" {finding.count} times, longest {finding.max_ms:.0f} ms" if finding.count > 1 else ""
    return f"{finding.total_ms:.0f} ms  {finding.rule or 'UJ'} {finding.cause}  {where}{leaf}{times}{remark}"


def relative(file: str) -> str:
    """A path as people type it: from where they are, unless the whole one is shorter."""
    try:
        return min(os.path.relpath(file), file, key=len)
    except (OSError, ValueError):  # the folder is gone, or on another drive
        return file
