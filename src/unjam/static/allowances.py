"""What the user has allowed: comments at lines, tables in the settings; and which of it nothing uses any more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

from unjam.knowledge.allowing import is_code, meant
from unjam.model.allowances import Allow, covers, is_over, litter
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
        self._today = today
        self._written = [
            (path, allowance)
            for path, outline in program.outlines.items()
            for allowance in outline.allowances
            if allowance.form != "noqa" or not allowance.codes or any(map(_ours, allowance.codes))
        ]
        self._comments: dict[Place, list[Allowance]] = {}
        for path, allowance in self._written:
            if not is_over(allowance.until, today):
                for line in range(allowance.line, max(allowance.line, allowance.last) + 1):
                    self._comments.setdefault((path, line), []).append(allowance)
        self._declared = config.allow
        self._tables = [allow for allow in config.allow if not allow.has_expired(today)]
        self._used_comments: set[tuple[str, Allowance]] = set()
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
        for path, line in crossed:
            self._use(path, line, accusation.rule)
        return writer.problem(accusation, cut)

    def _at(self, accusation: Accusation) -> bool:
        path, scope = accusation.function.path, accusation.function.scope
        lines = {*range(accusation.span[0], accusation.span[2] + 1), scope.line}
        return any(self._use(path, line, accusation.rule) for line in sorted(lines))

    def _use(self, path: str, line: int, rule: str) -> bool:
        """Whether something at that line allows the rule, which has then been of use."""
        for allowance in self._comments.get((path, line), ()):
            if _names(allowance.codes, rule):
                self._used_comments.add((path, allowance))
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
                place
                for place, all_of_it in self._comments.items()
                if any(each.codes and _names(each.codes, rule) for each in all_of_it)
            )
            self._cuts[rule] = frozenset(places)
        return self._cuts[rule]

    def holds_until(self) -> str:
        """The first end of an allowance that is still to come, "" where there is none."""
        ends = [allowance.until for _, allowance in self._written]
        ends += [allow.until.isoformat() for allow in self._declared if allow.until]
        return min((end for end in ends if end and not is_over(end, self._today)), default="")

    def notices(self) -> Iterator[str]:
        """A sentence for each allowance that is unused, expired or without a reason."""
        for path, allowance in sorted(self._written):
            place = f"{self._project.relative(path)}:{allowance.line}"
            codes = ", ".join(code for code in allowance.codes if is_code(code))
            yield from (f"{place}: no rule {code!r}{meant(code)}" for code in _unknown(allowance))
            if codes and is_over(allowance.until, self._today):
                yield f"{place}: the allowance of {codes} expired on {allowance.until}"
            elif (path, allowance) not in self._used_comments and codes:
                yield f"{place}: nothing uses the allowance of {codes}"
            elif codes and allowance.form != "noqa" and not allowance.reason:
                yield f"{place}: the allowance of {codes} gives no reason"
        yield from litter(self._declared, self._used_tables, self._today, unused="nothing uses it")


def _unknown(allowance: Allowance) -> Iterator[str]:
    """What names no rule: a noqa has codes of other tools too, an allowance of ours has none but ours."""
    for code in allowance.codes:
        if not is_code(code) and (allowance.form != "noqa" or _ours(code)):
            yield code


def _ours(code: str) -> bool:
    return code.startswith("UJ")


def _names(codes: Iterable[str], rule: str) -> bool:
    """Whether an allowance covers a rule: no codes cover all, the beginning of a code all that begin so."""
    listed = tuple(codes)
    return not listed or covers(listed, rule)
