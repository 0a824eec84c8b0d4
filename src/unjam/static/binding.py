"""Which parameter of a project's function receives which argument of a call."""

from __future__ import annotations

from collections.abc import Iterator

from unjam.static.facts import Target
from unjam.static.program import Program
from unjam.static.source import Argument, CallSite


class Binding:
    """Binds arguments by the signatures of one program."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: dict[str, tuple[str, ...]] = {}

    def bound(self, target: Target, site: CallSite) -> Iterator[tuple[str, Argument]]:
        """The parameters of a project function, or the fields of a record, with the arguments that they receive."""
        parameters = self._known.get(target.symbol)
        if parameters is None:
            parameters = self._known[target.symbol] = self._parameters(target.symbol)
        for argument in site.arguments:
            if argument.keyword:
                yield argument.keyword, argument
            elif argument.position < len(parameters):
                yield parameters[argument.position], argument

    def _parameters(self, symbol: str) -> tuple[str, ...]:
        function = self._program.functions.get(symbol)
        if function is None:
            return self._fields(symbol)
        parameters = function.scope.parameters
        bound = function.scope.owner and parameters[:1] in {("self",), ("cls",)}
        return parameters[1:] if bound else parameters

    def _fields(self, symbol: str) -> tuple[str, ...]:
        """The annotated fields of a class that has no `__init__` of its own (dataclasses and kin), in their order."""
        module, _, name = symbol.removesuffix(".__init__").partition(":")
        path = self._program.module_paths.get(module)
        if path is None or not symbol.endswith(".__init__"):
            return ()
        keys = (key.partition(":")[2] for key in self._program.outlines[path].annotations)
        return tuple(key.removeprefix(f"{name}.") for key in keys if key.rpartition(".")[0] == name)
