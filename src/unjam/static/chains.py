"""How the loop gets to a function: the shortest way from a route or callback, and who else leads there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from unjam.model.findings import Grade, Link, Location
from unjam.static.entries import Entry
from unjam.static.program import Program
from unjam.static.reach import Edge, Reach
from unjam.static.serving import Serving, serves
from unjam.static.source import Kept

_RARE = frozenset(
    [
        "init",
        "initialize",
        "initialise",
        "login",
        "install",
        "migrate",
        "migration",
        "register",
        "registration",
        "configure",
        "bootstrap",
        "onboarding",
        "reset",
        "legacy",
        "upgrade",
    ]
)
"""Words of names of functions that are run when something begins to be used, and not again for a long time."""
_ENDS = frozenset(
    [
        "aclose",
        "cleanup",
        "close",
        "deinit",
        "destroy",
        "disconnect",
        "dispose",
        "restart",
        "shutdown",
        "stop",
        "teardown",
        "terminate",
        "uninstall",
        "unload",
    ]
)
"""The same where something ends."""
FARTHEST = 4000
"""Functions looked at on the way up; beyond, the nearest entry found so far is good enough for a report."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way from an entry down to a function: the edges in order, outermost first."""

    entry: Entry
    edges: tuple[Edge, ...]
    callers: tuple[str, ...]
    startup: bool
    single: bool = False
    """Whether only the program's main coroutine leads here, and over no loop."""
    rare: bool = False
    """Whether the function's name, or that of each coroutine nearest above it, says that it is run when something begins or ends; no framework calls it."""
    ends: bool = False
    """Whether it says so of an end."""
    kept: Kept = Kept.NOT
    """The cache or guard that is on each way here and lets it happen only the first time."""
    served: bool = False
    """Whether a framework calls it for each request, message or event."""
    made: bool = False
    """Whether only the making of an object leads here, and no framework's call to it."""
    serves: bool = False
    """Whether the program has routes or handlers: then what its main coroutine does once is its start."""
    unasked: bool = False
    """Whether the program serves, and nothing that leads here is known or likely to be run for each who asks."""
    tasks: tuple[tuple[Edge, ...], ...] = ()
    """Of each coroutine that is started as a task and leads here: the edges from it on."""
    alone: bool = False
    """Whether it serves, and only coroutines lead here each of which has a loop run it and nothing else."""

    @property
    def once(self) -> Kept:
        """Whether a cache or a guard lets it happen only the first time: for good only where one is on each way here."""
        shown = Kept.BY_KEY if any(edge.once for edge in self.edges) else Kept.NOT
        return max(self.kept, shown)

    def goes_on(self, *, looped: bool) -> bool:
        """Whether a task that leads here has a loop without end, or the call stands in one (`looped`): it works as long as the program."""
        return any(looped or any(edge.looped and edge.kind == "call" for edge in below) for below in self.tasks)

    @property
    def grade(self) -> Grade:
        """The grade of the weakest step."""
        return min((edge.grade for edge in self.edges), default=Grade.EXACT)


class Chains:
    """Ways into the functions of one reach."""

    def __init__(self, program: Program, reach: Reach, by_hand: frozenset[str], serving: Serving) -> None:
        """`by_hand` are the paths of programs that somebody runs to see how something is used."""
        self._by_hand = by_hand
        self._serving = serving
        self._program = program
        self._reach = reach
        self._ways: dict[tuple[str, frozenset[tuple[str, int]]], Way | None] = {}

    def way(self, symbol: str, cut: frozenset[tuple[str, int]] = frozenset()) -> Way | None:
        """The way to show for a function; `cut` are lines (path, line) whose calls are allowed. None: no way is left."""
        key = symbol, cut
        if key not in self._ways:
            self._ways[key] = self._search(symbol, cut)
        return self._ways[key]

    def _search(self, symbol: str, cut: frozenset[tuple[str, int]]) -> Way | None:
        down: dict[str, Edge | None] = {symbol: None}
        waiting = deque([symbol])
        entries: list[str] = []
        while waiting and len(down) < FARTHEST:
            current = waiting.popleft()
            if current in self._reach.entries:
                entries.append(current)
            for edge in self._reach.callers.get(current, ()):
                path = self._program.functions[edge.caller].path
                if edge.caller not in down and (path, edge.line) not in cut:
                    down[edge.caller] = edge
                    waiting.append(edge.caller)
        if not entries:
            return None
        labelled = [entry for entry in entries if self._reach.entries[entry].label]
        served = [entry for entry in labelled if not self._reach.entries[entry].startup]
        chosen = (labelled or entries)[0]
        highest = self._highest(entries)
        hosted = self._serving.hosts(self._program.functions[symbol].path)
        tops = [self._reach.entries[each] for each in self._likely(highest, hosted=hosted)]
        endless = self._looped(down)
        startup = bool(tops) and all(entry.startup or (entry.command and not endless) for entry in tops)
        single = bool(tops) and all(entry.startup or entry.main for entry in tops) and not endless
        nearest = self._nearest(down)
        # A route is asked for as often as users come, whatever it is called.
        said = [symbol] if _says(self._name(symbol), _RARE | _ENDS) else nearest
        asked = any(serves(self._reach.entries[entry].label) for entry in served)
        names = [self._name(each) for each in said if not asked]
        rare = bool(names) and all(_says(name, _RARE | _ENDS) for name in names)
        ends = rare and all(_says(name, _ENDS) for name in names)
        kept = next(
            (kept for kept in (Kept.FOR_GOOD, Kept.BY_KEY) if tops and not self._repeats(symbol, cut, kept)), Kept.NOT
        )
        made = bool(tops) and not served and not self._repeats(symbol, cut, Kept.FOR_GOOD, _is_constructor)
        # What only the making of an object leads to, and a hook of the start is among those who make it, is the start.
        startup = startup or (made and any(entry.startup for entry in tops))
        top, edges = self._reach.entries[chosen], _edges(chosen, down)
        unasked = hosted and not served and not any(map(self._serving.asked, highest))
        alone = hosted and bool(tops) and all(entry.main and not entry.beside for entry in tops)
        tasks = tuple(_edges(each, down) for each in down if any(edge.task for edge in self._reach.callers[each]))
        return Way(
            entry=top,
            edges=edges,
            callers=nearest,
            startup=startup,
            single=single,
            rare=rare,
            ends=ends,
            kept=kept,
            served=bool(served),
            made=made,
            serves=self._serves,
            unasked=unasked,
            tasks=tasks,
            alone=alone,
        )

    def _name(self, symbol: str) -> str:
        return self._program.functions[symbol].scope.name.rpartition(".")[2]

    def _nearest(self, down: dict[str, Edge | None]) -> tuple[str, ...]:
        """The entries from which no other entry lies on the way down."""
        found = []
        for symbol in down:
            if symbol in self._reach.entries:
                edges = _edges(symbol, down)
                if not any(edge.callee in self._reach.entries for edge in edges):
                    found.append(symbol)
        return tuple(found)

    def _highest(self, entries: list[str]) -> list[str]:
        """The entries that nothing of the program calls, or that a framework calls too."""
        found = [symbol for symbol in entries if self._is_top(symbol)]
        served = [symbol for symbol in found if self._program.functions[symbol].path not in self._by_hand]
        return served or found

    def _likely(self, highest: list[str], *, hosted: bool) -> list[str]:
        """Those that somebody has run, in a program that serves: what nobody is known to call there says nothing of how often something is done."""
        run = (entry for entry in highest if self._reach.entries[entry].startup or self._reach.entries[entry].main)
        found = {*run, *filter(self._serving.asked, highest)} if hosted else set()
        return [entry for entry in highest if entry in found] or highest

    def _is_top(self, symbol: str) -> bool:
        entry = self._reach.entries.get(symbol)
        return entry is not None and (
            bool(entry.label) or entry.main or symbol in self._serving.referred or not self._reach.callers.get(symbol)
        )

    @cached_property
    def _serves(self) -> bool:
        return any(entry.label and not entry.startup for entry in self._reach.entries.values())

    def _repeats(
        self, symbol: str, cut: frozenset[tuple[str, int]], kept: Kept, closed: Callable[[str], bool] = lambda _: False
    ) -> bool:
        """Whether a way leads here on which nothing is kept so long after the first time, and that no `closed` function is on."""
        seen, waiting = {symbol}, [symbol]
        while waiting and len(seen) < FARTHEST:
            current = waiting.pop()
            if closed(current):
                continue
            if self._is_top(current):
                return True
            for edge in self._reach.callers.get(current, ()):
                path = self._program.functions[edge.caller].path
                if edge.once < kept and edge.caller not in seen and (path, edge.line) not in cut:
                    seen.add(edge.caller)
                    waiting.append(edge.caller)
        return len(seen) >= FARTHEST

    def _looped(self, down: dict[str, Edge | None]) -> bool:
        return any(edge.looped for symbol in down for edge in self._reach.callers.get(symbol, ()))

    def links(self, way: Way, symbol: str, line: int) -> tuple[Link, ...]:
        """The chain as a finding carries it: each function with the line at which it goes on, down to the leaf's line."""
        steps = [(edge.caller, edge.line) for edge in way.edges] + [(symbol, line)]
        functions = [(self._program.functions[name], at) for name, at in steps]
        return tuple(Link(function.path, at, function.name, "user") for function, at in functions)

    def location(self, symbol: str) -> Location:
        """Where a function is defined."""
        function = self._program.functions[symbol]
        return Location(function.path, function.scope.line, function.name)


def _is_constructor(symbol: str) -> bool:
    return symbol.endswith(".__init__")


def _says(name: str, words: frozenset[str]) -> bool:
    return not words.isdisjoint(name.lower().split("_")) and not name.startswith("__")


def _edges(top: str, down: dict[str, Edge | None]) -> tuple[Edge, ...]:
    edges = []
    edge = down[top]
    while edge is not None:
        edges.append(edge)
        edge = down[edge.callee]
    return tuple(edges)
