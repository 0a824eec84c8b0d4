"""Calls by which a function works on something in memory: a parser that reads a file here gets a `BytesIO` there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from unjam.static.binding import Binding
from unjam.static.harmless import is_buffer
from unjam.static.names import Namer
from unjam.static.program import Call, Function, Program
from unjam.static.reach import Reach
from unjam.static.source import Argument, CallSite

Place: TypeAlias = tuple[str, int]
"""Path and line of a call."""

_DEEPEST = 3
"""Calls over which a file is handed on from parameter to parameter."""


class Buffers:
    """Finds those calls in one program, for one method call on a file at a time."""

    def __init__(self, program: Program, reach: Reach, namer: Namer) -> None:
        self._program = program
        self._reach = reach
        self._namer = namer
        self._binding = Binding(program)

    def innocent(self, function: Function, site: CallSite) -> frozenset[Place]:
        """The calls on the way to `function` that make the receiver of `site` one in memory; empty where none is known to."""
        owner, _, attribute = site.text.rpartition(".")[0].rpartition(".")
        if owner == "self":
            return frozenset(self._constructed(function, attribute))
        return frozenset(self._handed(function, attribute, 0)) if not owner else frozenset()

    def _handed(self, function: Function, parameter: str, depth: int) -> Iterator[Place]:
        """Calls that hand something in memory over as that parameter."""
        if parameter not in function.scope.parameters or depth > _DEEPEST:
            return
        for caller, call, argument in self._calls(function.symbol, parameter):
            if is_buffer(self._namer, caller, argument.text):
                yield caller.path, call.span[0]
            elif argument.form == "name":
                yield from self._handed(caller, argument.text, depth + 1)

    def _constructed(self, function: Function, attribute: str) -> Iterator[Place]:
        """Calls of the class's methods by functions that make its instances over something in memory only."""
        maker, parameter = self._filled(function, attribute)
        if maker is None or function.fact is None:
            return
        for edge in self._reach.callers.get(maker.symbol, ()):
            made = [found for found in self._calls(maker.symbol, parameter) if found[0].symbol == edge.caller]
            if made and all(is_buffer(self._namer, caller, argument.text) for caller, _, argument in made):
                yield from self._uses(edge.caller, function.fact.owner)

    def _filled(self, function: Function, attribute: str) -> tuple[Function | None, str]:
        """The method that sets an attribute of the instance, where it is one only, and the parameter that it sets it to."""
        outline = self._program.outlines[function.path]
        found = [
            each
            for each in outline.assignments
            if each.target == f"self.{attribute}" and outline.scopes[each.scope].owner == function.scope.owner
        ]
        if len(found) != 1 or found[0].value not in outline.scopes[found[0].scope].parameters:
            return None, ""
        return self._program.function_of(function.path, found[0].scope), found[0].value

    def _uses(self, caller: str, owner: str) -> Iterator[Place]:
        for method in self._program.methods[owner].values():
            for edge in self._reach.callers.get(method, ()):
                if edge.caller == caller:
                    yield self._program.functions[caller].path, edge.line

    def _calls(self, symbol: str, parameter: str) -> Iterator[tuple[Function, Call, Argument]]:
        """The calls on the loop that hand a function something as that parameter."""
        for name in dict.fromkeys(edge.caller for edge in self._reach.callers.get(symbol, ())):
            caller = self._program.functions[name]
            for call in caller.calls:
                for target in call.targets if call.site is not None else ():
                    if target.symbol == symbol and call.site is not None:
                        bound = self._binding.bound(target, call.site)
                        yield from ((caller, call, argument) for name, argument in bound if name == parameter)
