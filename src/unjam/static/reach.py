"""What runs on the loop: everything that an entry calls, however deep, until a call leaves for a thread or a process."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from unjam.knowledge.consumers import CONSUMERS
from unjam.knowledge.entrypoints import TASKS
from unjam.knowledge.offloads import Where
from unjam.model.findings import Grade
from unjam.static.binding import Binding
from unjam.static.effects import Effects
from unjam.static.entries import Entry, callables
from unjam.static.flow import OffLoop
from unjam.static.guarding import guarded
from unjam.static.names import Namer
from unjam.static.program import Call, Function, Program
from unjam.static.source import Kept, Repeated
from unjam.static.stored import Stored

_CONTEXT_MANAGERS = frozenset({"contextmanager", "asynccontextmanager"})
_CACHES = frozenset({"cache", "lru_cache", "cached_property", "cached"})
_PLAIN_DECORATORS = _CONTEXT_MANAGERS | _CACHES | {"staticmethod", "classmethod", "property", "override", "wraps"}


class Edge(NamedTuple):
    """One step from a function to one that it runs. `once`: whether the callee's work is kept after the first time.

    `looped`: it stands in a loop, as far as is known.
    """

    caller: str
    callee: str
    line: int
    kind: str
    grade: Grade
    once: Kept
    looped: bool = True
    repeated: Repeated = Repeated.NOT
    """How it is made again in loops."""
    task: bool = False
    """Whether the callee is started as a task, which goes on after the caller has ended."""


class Reach:
    """The part of a program that runs on a loop."""

    def __init__(self, program: Program, effects: Effects, namer: Namer, entries: dict[str, Entry]) -> None:
        self._program = program
        self._namer = namer
        self._stored = Stored(program, effects, namer)
        self._effects = effects
        self._binding = Binding(program)
        self._off_loop = OffLoop(program)
        self.entries = entries
        self.callers: dict[str, list[Edge]] = {}
        self._generators: dict[str, tuple[str, ...]] = {}
        self._walk()

    def __contains__(self, symbol: str) -> bool:
        return symbol in self.callers

    def functions(self) -> Iterator[Function]:
        """All functions on the loop."""
        for symbol in self.callers:
            yield self._program.functions[symbol]

    def _walk(self) -> None:
        waiting = deque(symbol for symbol in self.entries if symbol in self._program.functions)
        for symbol in waiting:
            self.callers[symbol] = []
        while waiting:
            function = self._program.functions[waiting.popleft()]
            for edge in guarded(self._program, (function,), self.edges):
                if edge.callee not in self.callers:
                    self.callers[edge.callee] = []
                    waiting.append(edge.callee)
                self.callers[edge.callee].append(edge)

    def edges(self, function: Function) -> Iterator[Edge]:
        """What a function runs, in its own thread."""
        elsewhere = frozenset(self._elsewhere(function))
        for call in function.calls:
            if call.kind == "reference" or self._off_loop.makes(function, call):
                continue
            for symbol, grade in self.called(function, call):
                if symbol in elsewhere:
                    continue
                callee = self._program.functions[symbol]
                if self._runs(function, call, callee):
                    yield from self._into(function, call, callee, grade)
                for generator in self._generated(function, call, callee):
                    yield Edge(function.symbol, generator, call.span[0], "generator", grade, once=Kept.NOT)
            if call.site is not None and call.site.arguments:
                yield from self._handed(function, call)

    def _elsewhere(self, function: Function) -> Iterator[str]:
        """What a plain function hands to a thread: where it calls the same itself, no loop runs yet."""
        for call in function.calls if not function.scope.is_async else ():
            for passing in self._effects.passings(function, call):
                if passing.where in {Where.THREAD, Where.PROCESS}:
                    yield from callables(self._program, function, passing.argument)

    def called(self, function: Function, call: Call) -> Iterator[tuple[str, Grade]]:
        """Symbols of the project's functions that a call may mean, with how sure that is."""
        if not call.targets and call.site is not None:
            named = self._program.named(self._namer.qualified(function, call.site.text))
            if named:
                yield named, Grade.INFERRED
            for symbol in self._stored.called(function, call):
                yield symbol, Grade.INFERRED
        for target in call.targets:
            expanded = self._program.expanded(target)
            grade = Grade.EXACT if len(expanded) == 1 else Grade.INFERRED
            for symbol in expanded:
                if symbol in self._program.functions:
                    yield symbol, grade
            if call.kind == "with-enter":
                leaving = self._program.method(target.receiver, "__exit__")
                if leaving:
                    yield leaving, grade

    def _runs(self, caller: Function, call: Call, callee: Function) -> bool:
        """Whether the call runs the callee's body at all, and here."""
        decorated = {decorator.text.rpartition(".")[2] for decorator in callee.scope.decorators}
        foreign = decorated - _PLAIN_DECORATORS
        if callee.fact is not None and any(self._effects.offloads(symbol) for symbol in callee.fact.decorators):
            return False
        if call.site is None:
            return True
        if callee.scope.is_generator and not decorated & _CONTEXT_MANAGERS:
            return self._iterated(caller, call)
        is_plain = not callee.scope.is_async and not callee.scope.is_generator
        return not (is_plain and foreign and call.site.use == "awaited")

    def _generated(self, caller: Function, call: Call, callee: Function) -> tuple[str, ...]:
        """The generators that a call or a property gives and that the caller goes through."""
        through = self._goes_through(caller, callee) if call.site is None else self._iterated(caller, call)
        return self._handed_out(callee) if through else ()

    def _goes_through(self, caller: Function, callee: Function) -> bool:
        """Whether a function iterates over what a property of that name gives."""
        name = "." + callee.scope.name.rpartition(".")[2]
        outline = self._program.outlines[caller.path]
        return any(scope == caller.index and text.endswith(name) for scope, text in outline.iterated)

    def _passed_on(self, caller: Function, call: Call) -> bool:
        """Whether a call hands a generator to a function of the project that iterates over that parameter."""
        for outer in caller.calls:
            if outer.site is None or not any(argument.span == call.span for argument in outer.site.arguments):
                continue
            for target in outer.targets:
                callee = self._program.functions.get(target.symbol)
                bound = self._binding.bound(target, outer.site) if callee is not None else ()
                for parameter, argument in bound:
                    if argument.span == call.span and callee is not None:
                        return (callee.index, parameter) in self._program.outlines[callee.path].iterated
        return False

    def _iterated(self, caller: Function, call: Call) -> bool:
        """A generator's body runs where it is iterated; handed on, it runs wherever it is handed to."""
        assert call.site is not None
        use, _, name = call.site.use.partition(":")
        if use != "assigned":
            return use in {"iterated", "with"} or (use == "argument" and self._passed_on(caller, call))
        outline = self._program.outlines[caller.path]
        if any(named == name and scope >= caller.index for scope, named in outline.iterated):
            return True
        sites = (other.site for other in caller.calls if other.site is not None)
        return any(_consumes(site.text) and any(argument.text == name for argument in site.arguments) for site in sites)

    def _handed_out(self, function: Function) -> tuple[str, ...]:
        """The generators that a function returns: they run where its caller iterates them."""
        if function.symbol not in self._generators:
            self._generators[function.symbol] = ()
            self._generators[function.symbol] = tuple(dict.fromkeys(self._returned(function)))
        return self._generators[function.symbol]

    def _returned(self, function: Function) -> Iterator[str]:
        if function.scope.is_async or function.scope.is_generator:
            return
        outline = self._program.outlines[function.path]
        names = {
            f"assigned:{text}" for scope, form, text in outline.returns if scope == function.index and form == "name"
        }
        for call in function.calls:
            returned = call.site is not None and call.site.use in {"returned", *names}
            for symbol, _ in self.called(function, call) if returned else ():
                callee = self._program.functions[symbol]
                if callee.scope.is_generator:
                    yield symbol
                else:
                    yield from self._handed_out(callee)

    def _into(self, caller: Function, call: Call, callee: Function, grade: Grade) -> Iterator[Edge]:
        once = max(call.site.once if call.site is not None else Kept.NOT, _kept(callee), self._single(callee))
        looped = call.site is None or call.site.looped
        repeated = call.site.repeated if call.site is not None else Repeated.NOT
        task = callee.scope.is_async and self._is_task(caller, call)
        yield Edge(caller.symbol, callee.symbol, call.span[0], call.kind, grade, once, looped, repeated, task)
        for symbol in callee.fact.decorators if callee.fact is not None else ():
            if symbol in self._program.functions:
                for wrapper in self._program.nested(symbol):
                    if wrapper.scope.kind == "function" and not callee.scope.is_async:
                        yield Edge(caller.symbol, wrapper.symbol, call.span[0], "decorator", Grade.INFERRED, once)

    def _is_task(self, caller: Function, call: Call) -> bool:
        """Whether a call is the coroutine in `asyncio.create_task(poll())`."""
        if call.site is None or call.site.use != "argument":
            return False
        sites = (each.site for each in caller.calls)
        return any(
            site is not None
            and site.text.rpartition(".")[2] in TASKS
            and any(argument.span == call.span for argument in site.arguments)
            for site in sites
        )

    def _single(self, callee: Function) -> Kept:
        """Whether a constructor is of a class whose `__new__` keeps the one object that it makes."""
        owner, _, name = callee.symbol.rpartition(".")
        made_by = self._program.functions.get(f"{owner}.__new__") if name == "__init__" else None
        sites = (call.site for call in made_by.calls if call.site is not None) if made_by is not None else ()
        return max((site.once for site in sites if site.text.endswith(".__new__")), default=Kept.NOT)

    def _handed(self, function: Function, call: Call) -> Iterator[Edge]:
        for passing in self._effects.passings(function, call):
            if passing.where is Where.HERE:
                for symbol in callables(self._program, function, passing.argument):
                    if symbol in self._program.functions:
                        yield Edge(function.symbol, symbol, call.span[0], "callable", Grade.INFERRED, once=Kept.NOT)


def _kept(callee: Function) -> Kept:
    """Whether a decorator keeps what a function gives: for each of its arguments and objects, or for good where it has none."""
    decorated = {decorator.text.rpartition(".")[2] for decorator in callee.scope.decorators}
    if not decorated & _CACHES:
        return Kept.NOT
    return Kept.BY_KEY if callee.scope.parameters else Kept.FOR_GOOD


def _consumes(text: str) -> bool:
    return text.rpartition(".")[2] in CONSUMERS
