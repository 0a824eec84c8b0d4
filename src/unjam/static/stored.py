"""Callables that are kept: what `self.callback()` may run, from what constructors were given, and `TABLE[key]()`."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

from unjam.static.binding import Binding
from unjam.static.effects import Effects
from unjam.static.entries import callables
from unjam.static.facts import Span
from unjam.static.guarding import every
from unjam.static.names import Namer
from unjam.static.program import Call, Function, Program
from unjam.static.source import Argument, Assignment

MOST_KEPT = 6
"""Different callables in one attribute: with more it is a registry, and says nothing about which one runs."""

LARGEST_TABLE = 24
"""Different callables in one dict or list: a dispatch table runs any of its entries, a larger one says too little."""
_ELEMENT = re.compile(r"(.+?)(?:\[[^\]]*\]|\.get\(\))$")

_Parameter = tuple[str, str]
"""Symbol of a function and the name of its parameter."""
_Attribute = tuple[str, str]
"""Symbol of a class and the name of its attribute; the symbol of a module level and the name of its variable."""


class Stored:
    """The callables in the attributes of one program."""

    def __init__(self, program: Program, effects: Effects, namer: Namer) -> None:
        self._program = program
        self._effects = effects
        self._namer = namer
        self._binding = Binding(program)
        self._kept: dict[_Attribute, set[str]] = defaultdict(set)
        self._stores: dict[_Parameter, set[_Attribute]] = defaultdict(set)
        self._tables: dict[_Attribute, set[str]] = defaultdict(set)
        self._referring: dict[str, tuple[list[Span], list[Call]]] = {}
        self._elements: dict[tuple[str, str], list[Assignment]] = defaultdict(list)
        self._hosts: dict[str, list[str]] = defaultdict(list)
        self._local: dict[tuple[str, int, str], list[Assignment]] = defaultdict(list)
        self._inner: dict[tuple[str, int], list[tuple[Span, str]]] | None = None
        self._got: dict[tuple[str, int, str], str] = {}
        every(program, self._read_registries)
        every(program, self._read_lists)
        self._read_assignments()
        self._follow_parameters()
        self._keepers = {symbol for (symbol, _), attributes in self._stores.items() if attributes}
        """Functions that store a parameter."""
        every(program, self._read_arguments)

    def called(self, function: Function, call: Call) -> tuple[str, ...]:
        """Symbols of what a call on an attribute may run; none where it is one of too many."""
        if call.targets or call.site is None:
            return ()
        if beginning := self._beginning(function, call.site.text):
            return self._named_so(function, beginning)
        table = self._table(function, call.site.text)
        if table:
            return self._entries(function, table)
        owner, _, name = call.site.text.rpartition(".")
        if not owner:
            return self._held(function, name)
        found: set[str] = set(self._of_host(function, name)) if owner == "self" else set()
        for symbol in self._classes(function, owner):
            found |= self._kept.get((symbol, name), set())
        return tuple(sorted(found)) if len(found) <= MOST_KEPT else ()

    def _held(self, function: Function, name: str) -> tuple[str, ...]:
        """What a variable holds that is called: a lambda, a partial of a function, or the function itself."""
        found = {
            symbol
            for each in self._set_around(function, name)
            if (setter := self._program.function_of(function.path, each.scope)) is not None
            for symbol in callables(self._program, setter, Argument(0, "", each.span, each.form, each.value))
            if symbol in self._program.functions
        }
        return tuple(sorted(found)) if len(found) <= MOST_KEPT else ()

    def _set_around(self, function: Function, name: str) -> list[Assignment]:
        """What a variable is given in the function, else in the nearest one around it that has one of that name, else in the module."""
        outline, index, inner = self._program.outlines[function.path], function.index, set[int]()
        while index >= 0:
            if found := self._local.get((function.path, index, name)):
                hidden = any(each.target == name and each.scope in inner for each in outline.assignments)
                return [] if hidden else found
            if name in outline.scopes[index].parameters:
                break
            inner.add(index)
            index = outline.scopes[index].parent
        return []

    def _of_host(self, function: Function, name: str) -> tuple[str, ...]:
        """The method that a mixin calls without having it: that of the classes that it is mixed into."""
        owner = self._owner(function)
        if self._program.method(owner, name):
            return ()
        if not self._hosts:
            for symbol, bases in self._program.bases.items():
                for base in bases:
                    self._hosts[base].append(symbol)
        found = {self._program.method(host, name) for host in self._hosts.get(owner, ())} - {""}
        return tuple(sorted(found)) if len(found) <= MOST_KEPT else ()

    def _beginning(self, function: Function, text: str) -> str:
        """`self.do_*` where `getattr(self, f"do_{name}")` is called, or a variable that holds what it gives."""
        if text.endswith("*"):
            return text
        held = self._got.get((function.path, function.index, text), "") if "." not in text else ""
        return held if held.endswith("*") else ""

    def _named_so(self, function: Function, beginning: str) -> tuple[str, ...]:
        owner, _, name = beginning.removesuffix("*").rpartition(".")
        found = {
            symbol
            for of_class in self._classes(function, owner)
            for method, symbol in self._program.methods.get(of_class, {}).items()
            if method.startswith(name)
        }
        return tuple(sorted(found)) if len(found) <= LARGEST_TABLE else ()

    def _table(self, function: Function, text: str) -> str:
        """The container that a callee is taken of: of `TABLE[key]`, `TABLE.get(key)`, or a variable that holds either."""
        found = _ELEMENT.match(text)
        if found or "." in text:
            return found[1] if found else ""
        for assignment in self._elements.get((function.path, text), ()):
            if assignment.scope == function.index and (found := _ELEMENT.match(assignment.value)):
                return found[1]
        return ""

    def _entries(self, function: Function, table: str) -> tuple[str, ...]:
        owner, _, name = table.rpartition(".")
        found: set[str] = set()
        if owner == "self":
            for symbol in self._classes(function, owner):
                found |= self._tables.get((symbol, name), set()) | self._hooked(symbol, name)
        elif not owner:
            found |= self._tables.get(self._variable(function, name), set())
        elif path := self._program.module_paths.get(self._namer.qualified(function, owner)):
            found |= self._tables.get((f"{self._program.facts.modules[path].name}:", name), set())
        return tuple(sorted(found)) if len(found) <= LARGEST_TABLE else ()

    def _hooked(self, owner: str, name: str) -> set[str]:
        """What is appended to a list of an object: of many it says nothing about which of them is called."""
        found = self._kept.get((owner, f"{name}[*]"), set())
        return found if len(found) <= MOST_KEPT else set()

    def _variable(self, function: Function, name: str) -> _Attribute:
        """A variable of the module level, here or where it is imported from."""
        alias = self._program.outlines[function.path].aliases.get(name)
        if alias is None:
            return f"{function.module}:", name
        module, _, original = self._namer.absolute(function.path, alias).rpartition(".")
        path = self._program.module_paths.get(module)
        return f"{self._program.facts.modules[path].name if path else module}:", original

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
                if function is None:
                    continue
                if assignment.value.endswith("*"):
                    self._got[path, assignment.scope, assignment.target] = assignment.value
                if assignment.form in {"table", "list"}:
                    self._read_table(function, assignment)
                elif assignment.target.startswith("self."):
                    self._read(function, assignment)
                elif assignment.form in {"name", "lambda"} and "." not in assignment.target:
                    self._local[path, assignment.scope, assignment.target].append(assignment)
                if _ELEMENT.match(assignment.value):
                    self._elements[path, assignment.target].append(assignment)

    def _read_table(self, function: Function, assignment: Assignment) -> None:
        owner, _, name = assignment.target.rpartition(".")
        symbol = self._owner(function) if owner == "self" else f"{function.module}:{owner}"
        found = {
            each
            for call in self._references(function, assignment.span)
            for target in call.targets
            for each in self._program.expanded(target)
            if each in self._program.functions
        } | set(self._lambdas(function, assignment.span))
        if found:
            self._tables[symbol, name] |= found

    def _lambdas(self, function: Function, span: Span) -> Iterator[str]:
        """The lambdas of a function within a span, those inside another one left out."""
        if self._inner is None:
            self._inner = defaultdict(list)
            for (path, at), symbol in self._program.lambdas.items():
                self._inner[path, self._program.functions[symbol].scope.parent].append((at, symbol))
        inner = self._inner.get((function.path, function.index), ())
        return (symbol for at, symbol in inner if span[:2] < at[:2] and at[2:] <= span[2:])

    def _read_registries(self, function: Function) -> None:
        """What a decorator of the project's own puts into a table: `TABLE[name] = function`, `HOOKS.append(function)`."""
        for symbol in function.fact.decorators if function.fact is not None else ():
            for table in self._filled_by(symbol):
                self._tables[table].add(function.symbol)

    def _filled_by(self, symbol: str) -> Iterator[_Attribute]:
        """The module's tables into which a decorator, or the one that it makes, puts its first parameter."""
        decorator = self._program.functions.get(symbol)
        for each in (decorator, *self._program.nested(symbol)) if decorator is not None else ():
            parameter = each.scope.parameters[0] if each.scope.parameters else ""
            for target in self._put(each, parameter) if parameter else ():
                if (found := _ELEMENT.match(target)) and "." not in found[1]:
                    yield self._variable(each, found[1])

    def _put(self, function: Function, parameter: str) -> Iterator[str]:
        for assignment in self._program.outlines[function.path].assignments:
            if assignment.scope == function.index and assignment.value == parameter:
                yield assignment.target
        for call in function.calls:
            if call.site is not None and [each.text for each in call.site.arguments] == [parameter]:
                table, _, method = call.site.text.rpartition(".")
                if method in {"append", "add"}:
                    yield f"{table}[*]"

    def _references(self, function: Function, span: Span) -> list[Call]:
        """The references to functions within a span; a module of constants has thousands of tables, so they are searched."""
        if function.symbol not in self._referring:
            calls = sorted(call for call in function.calls if call.kind == "reference")
            self._referring[function.symbol] = [call.span for call in calls], calls
        spans, calls = self._referring[function.symbol]
        inside = calls[bisect_left(spans, span) : bisect_left(spans, (*span[2:], 0, 0))]
        return [call for call in inside if call.span[2:] <= span[2:]]

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
                if target.symbol in self._program.functions and target.symbol not in self._keepers:
                    continue
                for parameter, argument in self._binding.bound(target, call.site):
                    for attribute in self._attributes(target.symbol, parameter):
                        self._keep(attribute, function, argument)

    def _read_lists(self, function: Function) -> None:
        """`self.hooks.append(hook)`: what is put into a list of the object, or the parameter by which it comes there."""
        for call in function.calls:
            if call.site is None or not call.site.arguments:
                continue
            owner, _, rest = call.site.text.partition(".")
            name, _, method = rest.partition(".")
            if owner != "self" or method not in {"append", "add"}:
                continue
            attribute = self._owner(function), f"{name}[*]"
            value = call.site.arguments[0]
            if value.text in function.scope.parameters:
                self._stores[function.symbol, value.text].add(attribute)
            else:
                self._keep(attribute, function, value)

    def _attributes(self, symbol: str, parameter: str) -> Iterator[_Attribute]:
        """Where a parameter is stored; a class without `__init__` of its own is a record, whose fields are its parameters."""
        yield from self._stores.get((symbol, parameter), ())
        if symbol not in self._program.functions:
            yield symbol.removesuffix(".__init__"), parameter
