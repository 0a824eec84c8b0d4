"""Who is asked again and again, as far as source shows where no framework is known that does so; and which programs serve at all."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property

from unjam.static.entries import CONSOLE
from unjam.static.names import Namer
from unjam.static.program import Function, Program
from unjam.static.project import is_test
from unjam.static.reach import Reach

_TURNS = frozenset(
    {
        "add_callback",
        "add_done_callback",
        "add_reader",
        "add_writer",
        "call_at",
        "call_later",
        "call_soon",
        "call_soon_threadsafe",
        "run_sync",
        "set_exception_handler",
        "spawn_callback",
    }
)
"""What gives a loop a callback of the program's own: it serves nobody by itself."""
_TAKING = frozenset(
    {
        "action",
        "actor",
        "callback",
        "command",
        "commands",
        "consumer",
        "cron",
        "endpoint",
        "event",
        "group",
        "handle",
        "handler",
        "job",
        "listen",
        "listener",
        "listens",
        "loop",
        "message",
        "method",
        "middleware",
        "on",
        "periodic",
        "register",
        "route",
        "rpc",
        "subscribe",
        "subscriber",
        "task",
        "tool",
        "trigger",
        "websocket",
    }
)
"""Words of decorators by which frameworks, and registries of a program's own, take a function in."""
_RECORDS = frozenset({"attr", "attrs", "builtins", "dataclasses_json", "pydantic", "sqlalchemy", "sqlmodel"})
"""Packages, beside the standard library, whose classes call none of the coroutines that are defined below them."""
_WORDS = re.compile(r"[\W_]+")


class Serving:
    """Judges the functions of one program. `imports` are the files that each file imports, `by_hand` those that are no part of a service."""

    def __init__(
        self,
        program: Program,
        reach: Reach,
        namer: Namer,
        imports: Mapping[str, frozenset[str]],
        by_hand: frozenset[str] = frozenset(),
    ) -> None:
        self._program = program
        self._reach = reach
        self._namer = namer
        self._imports = imports
        self._by_hand = by_hand
        self._asked: dict[str, bool] = {}

    def hosts(self, path: str) -> bool:
        """Whether a file belongs to a program that serves: one with a route, a handler or the like in a file that imports connect with it."""
        return path in self._hosting

    @cached_property
    def _hosting(self) -> frozenset[str]:
        served = (symbol for symbol, entry in self._reach.entries.items() if not entry.startup and serves(entry.label))
        paths = {self._program.functions[symbol].path for symbol in served if symbol in self._program.functions}
        near: dict[str, set[str]] = {path: set() for path in self._imports}
        for path, imported in self._imports.items():
            for each in imported if self._is_service(path) else ():
                if self._is_service(each):
                    near[path].add(each)
                    near[each].add(path)
        waiting = [path for path in paths if self._is_service(path)]
        found = set(waiting)
        while waiting:
            new = near.get(waiting.pop(), set()) - found
            found |= new
            waiting.extend(new)
        return frozenset(found)

    def _is_service(self, path: str) -> bool:
        return path not in self._by_hand and not is_test(path)

    def asked(self, symbol: str) -> bool:
        """Whether an entry that nothing is known to call is taken in by something that may run it for each who asks."""
        if symbol not in self._asked:
            self._asked[symbol] = self._is_asked(self._program.functions[symbol])
        return self._asked[symbol]

    def _is_asked(self, function: Function) -> bool:
        entry = self._reach.entries[function.symbol]
        if entry.startup or entry.command:
            return False
        return bool(entry.label) or (
            entry.beside
            or (function.symbol in self.referred and not entry.main)
            or self._is_taken(function)
            or self._fills_in(function)
            or self._stands_for(function)
            or function.scope.name.rpartition(".")[2] in self._awaited
        )

    def _is_taken(self, function: Function) -> bool:
        """Whether a decorator says by its name that it registers what it is put on."""
        for decorator in function.scope.decorators:
            words = set(_WORDS.split(decorator.text.rpartition(".")[2].lower()))
            if words & _TAKING and not self._namer.in_module(function.path, decorator.text).startswith(CONSOLE):
                return True
        return False

    def _stands_for(self, function: Function) -> bool:
        """Whether a class above has that method too, and somebody calls it: there are overrides by the dozen that are not followed."""
        owner = function.fact.owner if function.fact is not None else ""
        name = function.scope.name.rpartition(".")[2]
        classes = (":".join(base.rpartition(".")[::2]) for base in self._bases(function, owner))
        above = (self._program.methods.get(each, {}).get(name, "") for each in classes)
        return any(self._reach.callers.get(symbol) for symbol in above if symbol != function.symbol)

    def _fills_in(self, function: Function) -> bool:
        """Whether it is a method of a class of somebody else's kind: what that calls is not in this program."""
        owner = function.fact.owner if function.fact is not None else ""
        return any(self._is_foreign(name) for name in self._bases(function, owner)) if owner else False

    def _bases(self, function: Function, owner: str) -> Iterator[str]:
        """Qualified names of the classes above a class, as far as types or texts say."""
        for symbol in (owner, *self._program.bases.get(owner, ())):
            yield symbol.replace(":", ".")
            module, _, name = symbol.partition(":")
            path = function.path if symbol == owner else self._program.module_paths.get(module)
            if path in self._program.outlines:
                written = self._program.outlines[path].bases.get(name, ())
                yield from (self._namer.in_module(path, text) for text in written)

    def _is_foreign(self, name: str) -> bool:
        top = name.partition(".")[0]
        return bool(top) and top not in self._own and top not in sys.stdlib_module_names and top not in _RECORDS

    @cached_property
    def _own(self) -> frozenset[str]:
        """The first names of the program's own modules."""
        return frozenset(name.partition(".")[0] for name in self._program.module_paths)

    @cached_property
    def _awaited(self) -> frozenset[str]:
        """Names of methods that are awaited, or iterated, of something whose type nobody says: any class of the program may be meant."""
        return frozenset(
            call.site.text.rpartition(".")[2]
            for function in self._reach.functions()
            for call in function.calls
            if call.site is not None
            and call.site.use in {"awaited", "iterated"}
            and "." in call.site.text
            and not any(target.symbol in self._program.functions for target in call.targets)
        )

    @cached_property
    def referred(self) -> frozenset[str]:
        """The functions that the program names without calling them: whoever was given one may call it as often as it likes."""
        calls = (call for function in self._program.functions.values() for call in function.calls)
        return frozenset(target.symbol for call in calls if call.kind == "reference" for target in call.targets)


def serves(label: str) -> bool:
    """Whether an entry's label is that of a route or a handler, not of a callback that the program has given its loop itself."""
    return bool(label) and label.removeprefix("callback of ") not in _TURNS


def imported(program: Program, namer: Namer) -> dict[str, frozenset[str]]:
    """The files of the program that each of its files imports."""
    return {path: frozenset(_imported(program, path, namer)) for path in program.outlines}


def _imported(program: Program, path: str, namer: Namer) -> Iterator[str]:
    outline = program.outlines[path]
    for line in (*outline.top_imports, *outline.imports):
        module = namer.absolute(path, line.module).rstrip(".")
        for name in (module, *(f"{module}.{each}" for each in line.names)):
            if name in program.module_paths:
                yield program.module_paths[name]


__all__ = ["Serving", "imported", "serves"]
