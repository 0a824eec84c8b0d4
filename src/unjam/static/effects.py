"""What functions do with the callables they are given: call them, hand them to a thread, give them back to the loop.

Inferred from their bodies, to a fixed point, so that a project's own wrappers of `to_thread` and kin need no list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from unjam.knowledge.offloads import BY_LIST, BY_METHOD, HANDOFFS, OFFLOADING_DECORATORS, Handoff, Where
from unjam.static.binding import Binding
from unjam.static.facts import Target
from unjam.static.guarding import every
from unjam.static.leaves import candidates
from unjam.static.names import Namer
from unjam.static.program import Call, Function, Program
from unjam.static.source import Argument, CallSite, Kept

_HANDOFFS: dict[str, Handoff] = {handoff.name: handoff for handoff in HANDOFFS}


class Passing(NamedTuple):
    """One callable argument and where it will run."""

    argument: Argument
    where: Where
    startup: bool = False
    awaited: bool = False
    """Whether what it returns is awaited: then it is a coroutine function."""
    coroutines: bool = False
    """Whether that is so of coroutine functions only."""


class Effects:
    """The inferred fates of callable parameters, and through them of callable arguments."""

    def __init__(self, program: Program, namer: Namer, handoffs: Iterable[Handoff] = ()) -> None:
        self._program = program
        self._namer = namer
        self._binding = Binding(program)
        self._handoffs = _HANDOFFS | {handoff.name: handoff for handoff in handoffs}
        self._by_target: dict[Target, Handoff | None] = {}
        self._fates: dict[tuple[str, str], set[Where]] = defaultdict(set)
        self._wrapped: set[tuple[str, str]] = set()
        self._awaited: set[tuple[str, str]] = set()
        self._queued: set[tuple[str, str]] = set()
        """Parameters that go into a queue: what takes them out calls them, mostly a thread; a call here is for when there is none."""
        self.passed: list[tuple[str, str, str, str]] = []
        """Parameters that are handed on: function and parameter, callee and its parameter."""
        every(program, self._direct)
        self._propagate()
        self._takers = {symbol for (symbol, _), fates in self._fates.items() if fates}
        """Functions with a parameter whose fate is known."""

    def handoff(self, function: Function, call: Call) -> Handoff | None:
        """The known call that hands a callable on, if this is one."""
        text = call.site.text if call.site is not None else ""
        if text.endswith(".append"):
            return BY_LIST.get(".".join(text.split(".")[-2:]))
        for target in call.targets:
            if target not in self._by_target:
                names = (name for name in candidates(target, self._program) if name in self._handoffs)
                self._by_target[target] = self._handoffs.get(next(names, ""))
            found = self._by_target[target]
            if found is not None:
                return found
        if call.site is None or call.targets:
            return None
        name = self._namer.qualified(function, call.site.text)
        return self._handoffs.get(name) or BY_METHOD.get(call.site.text.rpartition(".")[2])

    def passings(self, function: Function, call: Call) -> Iterator[Passing]:
        """The arguments of a call that are called somewhere, with where."""
        site = call.site
        if site is None or not site.arguments:
            return
        known = self.handoff(function, call)
        if known is not None:
            argument = site.argument(known.position, known.keyword)
            if argument is not None:
                away = site.argument(-1, known.unless) if known.unless else None
                where = Where.THREAD if away is not None and away.text == "True" else known.where
                yield Passing(argument, where, known.startup, coroutines=known.coroutines)
            return
        for target in call.targets:
            if target.symbol in self._takers:
                yield from self._into(target, site)

    def called_here(self, function: Function, call: Call) -> Iterator[Call]:
        """The callables among the arguments that the callee calls in its own thread, each as if it were called there."""
        for passing in self.passings(function, call):
            if passing.where is Where.HERE and not passing.awaited:
                yield from _as_called(function, passing.argument)

    def offloads(self, symbol: str) -> bool:
        """Whether a function, used as a decorator, makes what it decorates run in a thread."""
        function = self._program.functions.get(symbol)
        if function is None or not function.scope.parameters:
            return symbol.replace(":", ".") in OFFLOADING_DECORATORS
        parameter = symbol, function.scope.parameters[0]
        fates = self._fates.get(parameter, set())
        called_here = Where.HERE in fates or parameter in self._wrapped
        return bool(fates & {Where.THREAD, Where.PROCESS}) and not called_here

    def _into(self, target: Target, site: CallSite) -> Iterator[Passing]:
        for parameter, argument in self._binding.bound(target, site):
            for where in self._fates_of(target.symbol, parameter):
                yield Passing(argument, where, awaited=(target.symbol, parameter) in self._awaited)

    def _fates_of(self, symbol: str, parameter: str) -> set[Where]:
        fates = self._fates.get((symbol, parameter), set())
        return fates - {Where.HERE} if (symbol, parameter) in self._queued else fates

    def _direct(self, function: Function) -> None:
        for call in function.calls:
            site = call.site
            if site is None:
                continue
            self._queued |= set(self._put(function, site))
            owner = self._parameter(function, site.text)
            if owner and site.use == "awaited":
                self._awaited.add(owner)
            if owner and owner[0] == function.symbol:
                self._fates[owner].add(Where.HERE)
            elif owner:
                self._wrapped.add(owner)
            known = self.handoff(function, call) if site.arguments else None
            if known is not None:
                self._handed(function, site, known)
                continue
            self._forwarded(function, call, site)

    def _put(self, function: Function, site: CallSite) -> Iterator[tuple[str, str]]:
        """The parameters that `queue.put((parameter, ...))` puts into a queue."""
        if site.text.rpartition(".")[2] in {"put", "put_nowait"}:
            for argument in site.arguments[:1]:
                for name in argument.text.split(", "):
                    owner = self._parameter(function, name)
                    if owner:
                        yield owner

    def _handed(self, function: Function, site: CallSite, known: Handoff) -> None:
        argument = site.argument(known.position, known.keyword)
        if argument is None or known.coroutines:
            return
        owner = self._parameter(function, argument.text)
        if owner:
            self._fates[owner].add(known.where)
        elif argument.form == "call" and site.span:
            for inner in self._partial(function, argument):
                self._fates[inner].add(known.where)

    def _partial(self, function: Function, argument: Argument) -> Iterator[tuple[str, str]]:
        """The parameter inside `partial(parameter, ...)`."""
        for call in function.calls:
            if call.span == argument.span and call.site is not None and call.site.arguments:
                owner = self._parameter(function, call.site.arguments[0].text)
                if owner and call.site.text.endswith("partial"):
                    yield owner

    def _forwarded(self, function: Function, call: Call, site: CallSite) -> None:
        for target in call.targets:
            for parameter, argument in self._binding.bound(target, site):
                owner = self._parameter(function, argument.text) if argument.form == "name" else None
                if owner:
                    self.passed.append((*owner, target.symbol, parameter))

    def _parameter(self, function: Function, text: str) -> tuple[str, str] | None:
        """The function whose parameter a name is: this one, or one around it (closures)."""
        if not text or "." in text:
            return None
        outline = self._program.outlines[function.path]
        index = function.index
        while index > 0:
            if text in outline.scopes[index].parameters:
                symbol = self._program.by_scope.get((function.path, index))
                return (symbol, text) if symbol else None
            index = outline.scopes[index].parent
        return None

    def _propagate(self) -> None:
        changed = True
        while changed:
            changed = False
            for symbol, parameter, callee, position in self.passed:
                more = self._fates_of(callee, position) - self._fates[symbol, parameter]
                awaited = (callee, position) in self._awaited and (symbol, parameter) not in self._awaited
                if awaited:
                    self._awaited.add((symbol, parameter))
                self._fates[symbol, parameter] |= more
                changed = changed or awaited or bool(more)


def _as_called(function: Function, argument: Argument) -> Iterator[Call]:
    """The call that a callable argument stands for: what a name refers to, or the first argument of a partial."""
    at = [call for call in function.calls if call.span == argument.span]
    for call in at:
        inner = call.site.argument(0) if call.site is not None and call.site.text.endswith("partial") else None
        if inner is not None:
            yield from _as_called(function, inner)
    if argument.form == "name":
        site = CallSite(argument.span, function.index, argument.text, (), "statement", Kept.NOT)
        targets = tuple(target for call in at if call.kind == "reference" for target in call.targets)
        yield Call(argument.span, "call", targets, (), resolved=bool(targets), site=site)
