"""Callables that instances keep: what `self.callback()` may run, from what the constructors of its class were given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from unjam.static.effects import Effects
from unjam.static.entries import callables
from unjam.static.names import Namer
from unjam.static.program import Call, Function, Program
from unjam.static.source import Argument, Assignment

MOST_KEPT = 6
"""Different callables in one attribute: with more it is a registry, and says nothing about which one runs."""

_Parameter = tuple[str, str]
"""Symbol of a function and the name of its parameter."""
_Attribute = tuple[str, str]
"""Symbol of a class and the name of its attribute."""


class Stored:
    """The callables in the attributes of one program."""

    def __init__(self, program: Program, effects: Effects, namer: Namer) -> None:
        self._program = program
        self._effects = effects
        self._namer = namer
        self._kept: dict[_Attribute, set[str]] = defaultdict(set)
        self._stores: dict[_Parameter, set[_Attribute]] = defaultdict(set)
        self._read_assignments()
        self._follow_parameters()
        for function in program.functions.values():
            self._read_arguments(function)

    def called(self, function: Function, call: Call) -> tuple[str, ...]:
        """Symbols of what a call on an attribute may run; none where it is one of too many."""
        if call.targets or call.site is None or "." not in call.site.text:
            return ()
        owner, _, name = call.site.text.rpartition(".")
        found: set[str] = set()
        for symbol in self._classes(function, owner):
            found |= self._kept.get((symbol, name), set())
        return tuple(sorted(found)) if len(found) <= MOST_KEPT else ()

    def _classes(self, function: Function, owner: str) -> Iterator[str]:
        """The class that a receiver is an instance of, and its bases: any of them may keep the attribute."""
        if owner == "self":
            symbol = self._owner(function)
        else:
            module, _, name = self._namer.qualified(function, owner).rpartition(".")
            symbol = f"{module}:{name}"
        yield symbol
        yield from self._program.bases.get(symbol, ())

    def _owner(self, function: Function) -> str:
        outline, index = self._program.outlines[function.path], function.index
        while index > 0 and not outline.scopes[index].owner:
            index = outline.scopes[index].parent
        return f"{function.module}:{outline.scopes[index].owner}" if index > 0 else ""

    def _read_assignments(self) -> None:
        for path, outline in self._program.outlines.items():
            for assignment in outline.assignments:
                function = self._program.function_of(path, assignment.scope)
                if function is not None and assignment.target.startswith("self."):
                    self._read(function, assignment)

    def _read(self, function: Function, assignment: Assignment) -> None:
        attribute = self._owner(function), assignment.target.removeprefix("self.")
        if assignment.form == "name" and assignment.value in function.scope.parameters:
            self._stores[function.symbol, assignment.value].add(attribute)
            return
        value = Argument(0, "", assignment.span, assignment.form, assignment.value)
        self._keep(attribute, function, value)

    def _keep(self, attribute: _Attribute, function: Function, value: Argument) -> None:
        found = callables(self._program, function, value)
        self._kept[attribute].update(symbol for symbol in found if symbol in self._program.functions)

    def _follow_parameters(self) -> None:
        """What a parameter is handed on as, it is stored as: `super().__init__(callback)`."""
        changed = True
        while changed:
            changed = False
            for symbol, parameter, callee, position in self._effects.passed:
                more = self._stores.get((callee, position), set()) - self._stores.get((symbol, parameter), set())
                if more:
                    self._stores[symbol, parameter] |= more
                    changed = True

    def _read_arguments(self, function: Function) -> None:
        for call in function.calls:
            if call.site is None or not call.site.arguments:
                continue
            for target in call.targets:
                for parameter, argument in self._effects.bound(target, call.site):
                    for attribute in self._attributes(target.symbol, parameter):
                        self._keep(attribute, function, argument)

    def _attributes(self, symbol: str, parameter: str) -> Iterator[_Attribute]:
        """Where a parameter is stored; a class without `__init__` of its own is a record, whose fields are its parameters."""
        yield from self._stores.get((symbol, parameter), ())
        if symbol not in self._program.functions:
            yield symbol.removesuffix(".__init__"), parameter
