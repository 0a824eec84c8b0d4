"""The whole program: the type checker's facts joined with the outlines of the files, function by function."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from unjam.static.facts import CallFact, Facts, FunctionFact, ModuleFacts, Span, Target
from unjam.static.project import failed
from unjam.static.source import CallSite, Outline, Scope

WIDEST_OVERRIDE = 24
"""A virtual call with more overrides than this says nothing about which one runs: only the base method is followed."""


class Call(NamedTuple):
    """One call in a function body: what the type checker says and how it is written; either may be missing."""

    span: Span
    kind: str
    targets: tuple[Target, ...]
    arguments: tuple[tuple[int, tuple[Target, ...]], ...]
    resolved: bool
    site: CallSite | None


@dataclass(slots=True)
class Function:
    """One function or lambda of the project; the module level is one too, named `module:`."""

    symbol: str
    path: str
    module: str
    index: int
    scope: Scope
    fact: FunctionFact | None = None
    calls: list[Call] = field(default_factory=list)
    _by_span: dict[Span, list[Call]] = field(default_factory=dict)

    def at(self, span: Span) -> list[Call]:
        """The calls of exactly that span, in their order, once all of them are there."""
        if not self._by_span:
            for call in self.calls:
                self._by_span.setdefault(call.span, []).append(call)
        return self._by_span.get(span, [])

    @property
    def name(self) -> str:
        """Qualified name in its module."""
        return self.symbol.partition(":")[2]


@dataclass(slots=True)
class Program:
    """All functions by symbol, and the indices that reach and its helpers need."""

    facts: Facts
    outlines: dict[str, Outline]
    functions: dict[str, Function] = field(default_factory=dict)
    by_scope: dict[tuple[str, int], str] = field(default_factory=dict)
    lambdas: dict[tuple[str, Span], str] = field(default_factory=dict)
    methods: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    bases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    overriders: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    module_paths: dict[str, str] = field(default_factory=dict)
    meant: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Methods of protocols, with the methods that they stand for."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Why a file is not or not wholly part of it, by path."""

    def function_of(self, path: str, scope: int) -> Function | None:
        """The function whose body that scope of that file is."""
        symbol = self.by_scope.get((path, scope))
        return self.functions.get(symbol) if symbol is not None else None

    def method(self, owner: str, name: str) -> str:
        """Symbol of the project's method that `name` means on a class, looked up along its bases; "" where none."""
        for class_symbol in (owner, *self.bases.get(owner, ())):
            found = self.methods.get(class_symbol, {}).get(name)
            if found is not None:
                return found
        return ""

    def named(self, name: str) -> str:
        """Symbol of the project's function of that qualified name, a class standing for its `__init__`; "" where none."""
        module, _, rest = name.rpartition(".")
        qualified = rest
        while module and module not in self.module_paths:
            module, _, rest = module.rpartition(".")
            qualified = f"{rest}.{qualified}"
        if not module:
            return ""
        symbol = f"{self.facts.modules[self.module_paths[module]].name}:{qualified}"
        if symbol in self.functions:
            return symbol
        owner, _, method = symbol.rpartition(".")
        return self.method(owner, method) or self.method(symbol, "__init__")

    def expanded(self, target: Target) -> tuple[str, ...]:
        """Symbols of the functions that a target may run: the named one, and its overrides where it is virtual."""
        if target.symbol in self.meant:
            return (target.symbol, *self.meant[target.symbol])
        if not target.virtual or target.symbol not in self.functions:
            return (target.symbol,)
        found = [symbol for symbol in self._overrides(target.symbol) if self._below(symbol, target.receiver)]
        return (target.symbol, *found) if len(found) <= WIDEST_OVERRIDE else (target.symbol,)

    def _overrides(self, symbol: str) -> Iterator[str]:
        for child in self.overriders.get(symbol, ()):
            yield child
            yield from self._overrides(child)

    def _below(self, symbol: str, receiver: str) -> bool:
        function = self.functions.get(symbol)
        owner = function.fact.owner if function and function.fact else ""
        return owner == receiver or receiver in self.bases.get(owner, ())

    def nested(self, symbol: str) -> Iterator[Function]:
        """The functions and lambdas defined inside a function, at any depth."""
        function = self.functions[symbol]
        outline = self.outlines[function.path]
        for index, scope in enumerate(outline.scopes):
            if index > function.index and _inside(outline, scope.parent, function.index):
                found = self.function_of(function.path, index)
                if found is not None:
                    yield found


def _inside(outline: Outline, scope: int, outer: int) -> bool:
    while scope > outer:
        scope = outline.scopes[scope].parent
    return scope == outer


def joined(facts: Facts, outlines: dict[str, Outline]) -> Program:
    """Join the facts with the outlines."""
    paths = {name: path for name, path in facts.names.items() if path in outlines}
    program = Program(facts, outlines, bases=dict(facts.bases), module_paths=paths, skipped=dict(facts.skipped))
    for path, module in facts.modules.items():
        outline = outlines.get(path)
        if outline is not None:
            try:
                _ModuleJoin(program, module, outline).run()
            except Exception as error:  # noqa: BLE001  what is odd in one file must not cost the others
                program.skipped[path] = failed(error)
    for symbol, function in program.functions.items():
        if function.fact is not None and function.fact.overrides in program.functions:
            program.overriders[function.fact.overrides].append(symbol)
    return program


class _ModuleJoin:
    """Joins one file: scopes with functions by the line of the name, calls with call sites by their span."""

    def __init__(self, program: Program, module: ModuleFacts, outline: Outline) -> None:
        self._program = program
        self._module = module
        self._outline = outline
        self._sites = {site.span: site for site in outline.calls}
        self._lambdas = [index for index, scope in enumerate(outline.scopes) if scope.kind == "lambda"]

    def run(self) -> None:
        """Add the file's functions, classes and calls to the program."""
        for symbol, fact in self._module.classes.items():
            self._program.bases[symbol] = fact.bases
        self._functions()
        for symbol, calls in self._module.calls.items():
            owner = symbol or f"{self._module.name}:"
            for call in sorted(calls):  # the type checker prints them in no particular order
                self._add(owner, call)
        for site in self._outline.implicit:
            function = self._program.function_of(self._outline.path, site.scope)
            if function is not None:
                function.calls.append(Call(site.span, "implicit", (), (), resolved=True, site=site))

    def _functions(self) -> None:
        named = {(scope.line, scope.name.rpartition(".")[2]): index for index, scope in enumerate(self._outline.scopes)}
        self._function(f"{self._module.name}:", 0, None)
        for symbol, fact in self._module.functions.items():
            name = symbol.rpartition(":")[2].partition("#")[0].rpartition(".")[2]
            index = named.get((fact.line, name))
            if index is None:
                continue
            self._function(symbol, index, fact)
            if fact.owner:
                self._program.methods[fact.owner][name] = symbol
        for index in self._lambdas:
            scope = self._outline.scopes[index]
            symbol = f"{self._module.name}:{scope.name}@{scope.line}:{scope.span[1]}"
            self._function(symbol, index, None)
            self._program.lambdas[self._outline.path, scope.span] = symbol

    def _function(self, symbol: str, index: int, fact: FunctionFact | None) -> None:
        scope = self._outline.scopes[index]
        function = Function(symbol, self._outline.path, self._module.name, index, scope, fact)
        self._program.functions[symbol] = function
        self._program.by_scope[self._outline.path, index] = symbol

    def _add(self, owner: str, fact: CallFact) -> None:
        symbol = self._innermost(owner, fact.span)
        function = self._program.functions.get(symbol)
        if function is not None:
            site = self._sites.get(fact.span) if fact.kind == "call" else None
            call = Call(fact.span, fact.kind, fact.targets, fact.arguments, fact.resolved, site)
            function.calls.append(call)

    def _innermost(self, owner: str, span: Span) -> str:
        """The type checker counts a lambda's calls to the function around it; here they are the lambda's own."""
        best = owner
        for index in self._lambdas:
            scope = self._outline.scopes[index]
            if scope.span[:2] < span[:2] and span[2:] <= scope.span[2:]:
                best = self._program.by_scope.get((self._outline.path, index), best)
        return best
