"""What the user has allowed: comments at lines, tables in the settings; and which of it nothing uses any more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from unjam.model.allowances import Allow, covers
from unjam.static.accuse import Accusation, Writer
from unjam.static.config import Config
from unjam.static.program import Program
from unjam.static.project import Project
from unjam.static.result import Problem
from unjam.static.source import Allowance

Place = tuple[str, int]


class Allowances:
    """Decides on accusations, and remembers which allowances were needed."""

    def __init__(self, project: Project, program: Program, config: Config, today: dt.date) -> None:
        self._project = project
        self._comments: dict[Place, Allowance] = {}
        for path, outline in program.outlines.items():
            for allowance in outline.allowances:
                if allowance.form == "allow" or not allowance.codes or any(map(_ours, allowance.codes)):
                    self._comments[path, allowance.line] = allowance
        self._tables = [allow for allow in config.allow if not allow.has_expired(today)]
        self._expired = [allow for allow in config.allow if allow.has_expired(today)]
        self._used_comments: set[Place] = set()
        self._used_tables: set[Allow] = set()
        self._cuts: dict[str, frozenset[Place]] = {}

    def judge(self, accusation: Accusation, writer: Writer) -> Problem | None:
        """The problem, or None where it is allowed: at its line, at its function, or at every way that leads to it."""
        if self._at(accusation):
            return None
        cut = self._cut(accusation.rule)
        problem = writer.problem(accusation)
        if problem is None or self._by_table(accusation):
            return None
        crossed = {place for place in writer.places(accusation) if place in cut}
        if not crossed:
            return problem
        self._used_comments |= crossed
        return writer.problem(accusation, cut)

    def _at(self, accusation: Accusation) -> bool:
        path, scope = accusation.function.path, accusation.function.scope
        lines = {*range(accusation.span[0], accusation.span[2] + 1), scope.line}
        for line in sorted(lines):
            comment = self._comments.get((path, line))
            if comment is not None and _names(comment.codes, accusation.rule):
                self._used_comments.add((path, line))
                return True
        return False

    def _by_table(self, accusation: Accusation) -> bool:
        shown = self._project.relative(accusation.function.path)
        for allow in self._tables:
            if allow.covers(accusation.rule, shown, accusation.function.name):
                self._used_tables.add(allow)
                return True
        return False

    def _cut(self, rule: str) -> frozenset[Place]:
        if rule not in self._cuts:
            places = (
                place for place, comment in self._comments.items() if comment.codes and _names(comment.codes, rule)
            )
            self._cuts[rule] = frozenset(places)
        return self._cuts[rule]

    def notices(self) -> Iterator[str]:
        """A sentence for each allowance that is unused, expired or without a reason."""
        for (path, line), comment in sorted(self._comments.items()):
            place = f"{self._project.relative(path)}:{line}"
            codes = ", ".join(filter(_ours, comment.codes))
            if (path, line) not in self._used_comments and codes:
                yield f"{place}: nothing uses the allowance of {codes}"
            elif comment.form == "allow" and not comment.reason:
                yield f"{place}: the allowance of {codes} gives no reason"
        for allow in self._tables:
            if allow not in self._used_tables:
                yield f"[[tool.unjam.allow]] {allow.rule} in {allow.where}: nothing uses it"
            elif not allow.reason:
                yield f"[[tool.unjam.allow]] {allow.rule} in {allow.where}: it gives no reason"
        for allow in self._expired:
            yield f"[[tool.unjam.allow]] {allow.rule} in {allow.where}: expired on {allow.until}"


def _ours(code: str) -> bool:
    return code.startswith("UJ")


def _names(codes: Iterable[str], rule: str) -> bool:
    """Whether an allowance covers a rule: no codes cover all, the beginning of a code all that begin so."""
    listed = tuple(codes)
    return not listed or covers(listed, rule)
