"""Where values come from in one program: what is assigned to a name, handed to a parameter, kept for everybody."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator

from unjam.static.binding import Binding
from unjam.static.facts import Target
from unjam.static.program import Function, Program
from unjam.static.project import is_test
from unjam.static.source import Argument, Assignment, Outline
from unjam.static.written import kept_at

_VALUES = frozenset({"name", "call", "awaited"})
"""Forms of arguments that can be an object whose class a name tells."""

MOST_KEPT = 24
"""Assignments to one place from elsewhere: with more, as of `hass.data` in a whole product, it says nothing."""

Kept = tuple[Outline, Assignment]


class Places:
    """The indices, each made when it is first asked for."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._binding = Binding(program)
        self._assigned: dict[str, dict[str, list[Assignment]]] = {}
        self._annotated: dict[str, set[str]] = {}
        self._scopes: dict[str, set[str]] = {}
        self._returned: dict[str, dict[int, list[tuple[str, str]]]] = {}
        self._classes: dict[str, tuple[Outline, str]] | None = None
        self._kept: dict[str, list[Kept]] | None = None
        self._places: dict[str, tuple[Kept, ...]] = {}
        self._found: dict[tuple[str, str], tuple[Kept, ...]] = {}
        self._calls: dict[str, list[tuple[Function, int]]] | None = None

    def assigned(self, outline: Outline, target: str) -> list[Assignment]:
        """What a file assigns to a name."""
        found = self._assigned.get(outline.path)
        if found is None:
            found = self._assigned[outline.path] = defaultdict(list)
            for assignment in outline.assignments:
                found[assignment.target].append(assignment)
        return found.get(target, [])

    def annotates(self, outline: Outline, name: str) -> bool:
        """Whether any scope of a file annotates that name."""
        if outline.path not in self._annotated:
            self._annotated[outline.path] = {key.partition(":")[2] for key in outline.annotations}
        return name in self._annotated[outline.path]

    def has_scope(self, outline: Outline, name: str) -> bool:
        """Whether a function of a file, or a lambda, has that qualified name."""
        if outline.path not in self._scopes:
            self._scopes[outline.path] = {each.name for each in outline.scopes}
        return name in self._scopes[outline.path]

    def returned(self, outline: Outline, scope: int) -> list[tuple[str, str]]:
        """Form and text of what a function of a file returns."""
        found = self._returned.get(outline.path)
        if found is None:
            found = self._returned[outline.path] = defaultdict(list)
            for at, form, text in outline.returns:
                found[at].append((form, text))
        return found.get(scope, [])

    def class_of(self, name: str) -> tuple[Outline, str] | None:
        """The file and the qualified name in it of a class of the project."""
        if self._classes is None:
            self._classes = {
                f"{self.module(outline)}.{each}": (outline, each)
                for outline in self._program.outlines.values()
                for each in outline.bases
            }
        return self._classes.get(name)

    def module(self, outline: Outline) -> str:
        """The name of a file as a module."""
        facts = self._program.facts.modules.get(outline.path)
        return facts.name if facts is not None else ""

    def kept(self, place: str, outline: Outline) -> tuple[Kept, ...]:
        """What is assigned to a place that the program shares; what the same folder assigns goes before all else."""
        key = place, _folder(outline)
        if key not in self._found:
            everywhere = self._everywhere(place)
            near = tuple(kept for kept in everywhere if _folder(kept[0]) == key[1])
            self._found[key] = near or (everywhere if len(everywhere) <= MOST_KEPT else ())
        return self._found[key]

    def _everywhere(self, place: str) -> tuple[Kept, ...]:
        if self._kept is None:
            self._kept = defaultdict(list)
            for each in self._program.outlines.values():
                for assignment in each.assignments:
                    name, rest = kept_at(assignment.target)
                    if name and not rest:
                        self._kept[name].append((each, assignment))
        if place not in self._places:
            alike = (kept for name, kept in self._kept.items() if _alike(name, place))
            self._places[place] = tuple(each for kept in alike for each in kept)
        return self._places[place]

    def passed(self, symbol: str, parameter: str) -> Iterator[tuple[Function, Argument]]:
        """The values that the program, its tests left out, hands to a parameter."""
        for caller, index in self._callers().get(symbol, ()):
            site = caller.calls[index].site
            for target in caller.calls[index].targets:
                if self._receiving(target) == symbol and site is not None:
                    for name, argument in self._binding.bound(target._replace(symbol=symbol), site):
                        if name == parameter and argument.form in _VALUES:
                            yield caller, argument

    def _callers(self) -> dict[str, list[tuple[Function, int]]]:
        if self._calls is None:
            self._calls = defaultdict(list)
            for function in self._program.functions.values():
                for index, call in enumerate(function.calls):
                    if call.site is not None and call.site.arguments and not is_test(function.path):
                        for symbol in dict.fromkeys(map(self._receiving, call.targets)):
                            self._calls[symbol].append((function, index))
        return self._calls

    def _receiving(self, target: Target) -> str:
        """What receives the arguments: a function, or the `__init__` of a record, which its class does not write itself."""
        if target.symbol in self._program.functions or not target.symbol.endswith(".__init__"):
            return target.symbol
        return f"{target.receiver}.__init__" if target.receiver in self._program.bases else target.symbol


def _folder(outline: Outline) -> str:
    return os.path.dirname(outline.path)  # noqa: PTH120  asked for each of thousands of names


def _alike(one: str, other: str) -> bool:
    """Whether two places may be one: `data[DOMAIN][*]` and `data[*][*]` are, as `*` is any key."""
    if one == other or one.count("[") != other.count("["):
        return one == other
    pairs = zip(one.split("["), other.split("["), strict=True)
    return all(mine == yours or "*]" in {mine, yours} for mine, yours in pairs)
