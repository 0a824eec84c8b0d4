"""Which functions a loop runs without being called by another one: coroutines, callbacks, what frameworks take in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from unjam.knowledge.entrypoints import (
    ASGI,
    MAINS,
    OVERRIDES,
    PREFIXES,
    REGISTRATIONS,
    ROUTE_METHODS,
    Override,
    Registration,
    Sync,
)
from unjam.knowledge.offloads import Where
from unjam.static.effects import Effects
from unjam.static.facts import Span
from unjam.static.guarding import guarded
from unjam.static.leaves import candidates
from unjam.static.names import Namer
from unjam.static.program import Call, Function, Program
from unjam.static.project import is_test
from unjam.static.source import Argument, CallSite, Decorator

_STARTUP = frozenset(
    {
        "cog_load",
        "cog_unload",
        "launch_shards",
        "lifespan",
        "on_cleanup",
        "on_ready",
        "on_shutdown",
        "on_startup",
        "post_init",
        "setup",
        "setup_hook",
        "shutdown",
        "startup",
    }
)
"""Names of functions that run once before anything is served or when nothing is any more; `setup` and `cog_load` are how
discord.py loads an extension, `launch_shards` how it begins."""
_HOOK = re.compile(r"on_(?:startup|shutdown)|^_?(?:startup|shutdown)_")
"""The same as part of a name: `close_on_shutdown`, `_shutdown_workers`."""
_ENDING = re.compile(r"\b_?(?:shutdown|stop|close|aclose|cancel)")
"""How coroutines begin that end something."""
_SIGNALS = frozenset({"add_signal_handler"})
"""What they run is run rarely, as start-up hooks are: when somebody asks a process to read its settings again, or to end."""
CONSOLE = ("click.", "typer.", "asyncclick.", "cyclopts.")
"""Packages whose decorators make a function a command of a console."""
_RUN = (":run", ".run")
"""How the symbols of all of MAINS end, whichever module defines them."""
_STARTS = frozenset({"create_task", "ensure_future", "run_coroutine_threadsafe", "add_callback"})
"""What starts a coroutine on a loop that the same synchronous function then runs."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A function that a loop runs. `label` says how it gets there: a route, a callback; "" for a plain coroutine."""

    symbol: str
    label: str = ""
    startup: bool = False
    main: bool = False
    """Whether the program runs it once, as that of `asyncio.run(...)`: what it does outside of loops it does once."""
    command: bool = False
    """Whether that is a command of a console, beside which the program serves nobody."""
    beside: bool = False
    """Whether it is one task of several that the program has a loop run."""
    pooled: bool = False
    """Whether it is an endpoint of FastAPI's, which would run a plain `def` in a thread."""


class Entries:
    """Finds the entries of one program."""

    def __init__(
        self, program: Program, namer: Namer, effects: Effects, *, tests: bool, own: Iterable[str] = ()
    ) -> None:
        self._program = program
        self._namer = namer
        self._effects = effects
        self._tests = tests
        self._own = frozenset(own)
        self._by_name = {registration.name: registration for registration in REGISTRATIONS}
        self._by_method = _by_method(self._by_name)

    def found(self) -> dict[str, Entry]:
        """The entries by symbol; a labelled one wins over a plain coroutine."""
        entries: dict[str, Entry] = {}
        functions = [
            function for function in self._program.functions.values() if self._tests or not is_test(function.path)
        ]
        for entry in guarded(self._program, functions, self._of):
            known = entries.get(entry.symbol)
            if known is None or (entry.label and not known.label):
                entries[entry.symbol] = entry
        for symbol, command, beside in guarded(self._program, self._program.functions.values(), self._mains):
            if symbol in entries and not entries[symbol].label:
                entries[symbol] = replace(entries[symbol], main=True, command=command, beside=beside)
        return entries

    def _mains(self, function: Function) -> Iterator[tuple[str, bool, bool]]:
        """The coroutines that a function has run once, whether as commands of a console, by `app.command(f)` or being one, and whether beside others."""
        if is_test(function.path):
            return
        if function.scope.is_async:
            if self._is_command(function):
                yield function.symbol, True, False
            return
        written = [(call, call.site) for call in function.calls if call.site is not None]
        sites = [site for _, site in written]
        in_thread = any(argument.text.endswith(".run_forever") for site in sites for argument in site.arguments)
        endless = in_thread or any(site.text.endswith((".run_forever", ".run_until_complete")) for site in sites)
        started = sum(map(_goes_on, self._of_class(function) if in_thread else sites))
        beside = endless and started > in_thread
        for call, site in written:
            if not site.arguments:
                continue
            if self._runs(function, call, site, endless=endless):
                command = self._is_command(function)
                yield from ((symbol, command, beside) for symbol in self._run(function, site.arguments[0]))
            elif site.text.endswith((".command", ".callback", ".default")) and self._has_console(function):
                yield from ((symbol, True, False) for symbol in callables(self._program, function, site.arguments[0]))

    def _of_class(self, function: Function) -> Iterator[CallSite]:
        """The calls in the methods of the class that a function is a method of; in the file where it is none."""
        outline = self._program.outlines[function.path]
        owner = function.scope.owner
        return (site for site in outline.calls if not owner or outline.scopes[site.scope].owner == owner)

    def _has_console(self, function: Function) -> bool:
        imports = self._program.outlines[function.path].top_imports
        return any(f"{line.module}.".startswith(CONSOLE) for line in imports)

    def _is_command(self, function: Function) -> bool:
        names = (self._namer.in_module(function.path, decorator.text) for decorator in function.scope.decorators)
        return any(name.startswith(CONSOLE) for name in names)

    def _runs(self, function: Function, call: Call, site: CallSite, *, endless: bool) -> bool:
        name = site.text.rpartition(".")[2]
        if name in {"run_until_complete", "run_sync"} or (endless and _starts(site)):
            return True
        if call.targets and not any(target.symbol.endswith(_RUN) for target in call.targets):
            return False
        return self._namer.qualified(function, site.text) in MAINS

    def _run(self, function: Function, argument: Argument) -> Iterator[str]:
        yield from callables(self._program, function, argument)
        for call in function.calls:
            if call.span == argument.span and call.kind == "call":
                for target in call.targets:
                    yield from self._program.expanded(target)
                if not call.targets and call.site is not None and function.fact is not None:
                    yield from self._below(function.fact.owner, call.site.text)

    def _below(self, owner: str, text: str) -> Iterator[str]:
        """The methods that only classes below one have: `runner.run(self.run())` in a base that leaves `run` to them."""
        head, _, name = text.rpartition(".")
        for child, bases in self._program.bases.items() if head == "self" and owner else ():
            if owner in bases and name in self._program.methods.get(child, {}):
                yield self._program.methods[child][name]

    def _of(self, function: Function) -> Iterator[Entry]:
        if function.scope.is_async:
            yield Entry(function.symbol, startup=_is_startup(function) or self._in_lifespan(function))
        if function.scope.kind != "module":
            yield from self._registered(function)
            yield from self._overriding(function)
            yield from self._conventional(function)
        yield from self._callbacks(function)
        if function.symbol.replace(":", ".") in self._own:
            yield Entry(function.symbol, "entry point of [tool.unjam]")

    def _in_lifespan(self, function: Function) -> bool:
        """Whether it is what `lifespan(settings)` makes: the hook itself, defined in a function of that name."""
        outer = self._program.function_of(function.path, function.scope.parent)
        if function.scope.kind != "async-generator" or outer is None or outer.scope.kind != "function":
            return False
        return "lifespan" in outer.scope.name.rpartition(".")[2].split("_")

    def _registered(self, function: Function) -> Iterator[Entry]:
        for decorator in function.scope.decorators:
            registration = self._registration(function, decorator)
            if registration is not None:
                if function.scope.is_async or registration.sync is Sync.LOOP:
                    startup = registration.startup or _is_startup(function)
                    pooled = registration.sync is Sync.POOL and registration.name.startswith("fastapi.")
                    label = _label(registration.label, function, decorator)
                    yield Entry(function.symbol, label, startup, pooled=pooled)
            elif function.scope.is_async and _is_route(decorator):
                verb = decorator.text.rpartition(".")[2]
                yield Entry(function.symbol, f"{verb.upper()} {decorator.first}")

    def _registration(self, function: Function, decorator: Decorator) -> Registration | None:
        if "sync_to_thread=True" in decorator.keywords:
            return None
        for name in self._decorator_names(function, decorator):
            found = self._by_name.get(name) or self._by_method.get(_tail(name))
            if found is not None:
                return found
        return None

    def _decorator_names(self, function: Function, decorator: Decorator) -> Iterator[str]:
        module = self._program.facts.modules.get(function.path)
        for call in module.decorations.get(function.symbol, ()) if module else ():
            if call.span[0] == decorator.line:
                for target in call.targets:
                    yield from candidates(target, self._program)
        yield self._namer.in_module(function.path, decorator.text)

    def _overriding(self, function: Function) -> Iterator[Entry]:
        owner = function.fact.owner if function.fact else ""
        if not owner:
            return
        name = function.scope.name.rpartition(".")[2]
        for base in self._bases(function, owner):
            for override in _OVERRIDES.get(base, ()):
                if name in override.methods and (function.scope.is_async or override.sync is Sync.LOOP):
                    label = override.label.replace("{class}", owner.partition(":")[2]).replace("{name}", name)
                    yield Entry(function.symbol, label)

    def _conventional(self, function: Function) -> Iterator[Entry]:
        name = function.scope.name.rpartition(".")[2]
        if function.scope.is_async and function.scope.parameters[-len(ASGI) :] == ASGI:
            yield Entry(function.symbol, f"ASGI application {function.scope.owner or name}")
        for prefix in PREFIXES if function.scope.kind == "function" else ():
            if name.startswith(prefix.beginning) and self._imports(function.path, prefix.package):
                yield Entry(function.symbol, prefix.label.replace("{name}", name))

    def _imports(self, path: str, package: str) -> bool:
        return any(line.module.partition(".")[0] == package for line in self._program.outlines[path].top_imports)

    def _bases(self, function: Function, owner: str) -> Iterator[str]:
        for base in self._program.bases.get(owner, ()):
            yield base.replace(":", ".")
        outline = self._program.outlines[function.path]
        for text in outline.bases.get(owner.partition(":")[2], ()):
            yield self._namer.in_module(function.path, text)

    def _callbacks(self, function: Function) -> Iterator[Entry]:
        for call in function.calls:
            site = call.site
            if site is None or not site.arguments:
                continue
            for passing in self._effects.passings(function, call):
                if passing.where is Where.LOOP:
                    name = site.text.removesuffix(".append").rpartition(".")[2]
                    hook = passing.startup and name not in _SIGNALS
                    label = "start-up hook" if hook else "callback"
                    for symbol in callables(self._program, function, passing.argument):
                        if not passing.coroutines or self._is_coroutine(symbol):
                            pooled = name == "add_api_route"  # FastAPI's own word
                            yield Entry(symbol, f"{label} of {name}", passing.startup, pooled=pooled)

    def _is_coroutine(self, symbol: str) -> bool:
        return symbol in self._program.functions and self._program.functions[symbol].scope.is_async


def callables(program: Program, function: Function, argument: Argument) -> Iterator[str]:
    """Symbols of the functions that a callable argument may be: a name, a lambda, a partial of either, a list of them."""
    if argument.form == "lambda":
        symbol = program.lambdas.get((function.path, argument.span))
        if symbol:
            yield symbol
        return
    for call in function.calls if argument.form == "list" else function.at(argument.span):
        if call.span == argument.span and call.kind == "reference":
            for target in call.targets:
                yield from program.expanded(target)
        elif call.span == argument.span and call.site is not None and call.site.text.endswith("partial"):
            inner = call.site.argument(0)
            if inner is not None:
                yield from callables(program, function, inner)
        elif argument.form == "list" and call.kind == "reference" and _within(call.span, argument.span):
            for target in call.targets:
                yield from program.expanded(target)


def _starts(site: CallSite) -> bool:
    return site.text.rpartition(".")[2] in _STARTS


def _goes_on(site: CallSite) -> bool:
    """Whether it starts a coroutine that does not end what was begun."""
    return _starts(site) and not any(_ENDING.search(argument.text) for argument in site.arguments)


def _is_startup(function: Function) -> bool:
    """Whether its name, or a decorator's, says that it runs once; a method called `setup` may be anybody's, and a life span that of a lamp."""
    name = function.scope.name.rpartition(".")[2]
    if any(_HOOK.match(decorator.text.rpartition(".")[2]) for decorator in function.scope.decorators):
        return True
    if name in _STARTUP or _HOOK.search(name):
        return not (name == "setup" and function.scope.owner)
    # `app_lifespan`, `lifespan_context`: frameworks want one that yields once between start and end.
    return function.scope.kind == "async-generator" and "lifespan" in name.split("_")


def _within(inner: Span, outer: Span) -> bool:
    return outer[:2] < inner[:2] and inner[2:] <= outer[2:]


def _label(pattern: str, function: Function, decorator: Decorator) -> str:
    name = function.scope.name.rpartition(".")[2]
    return pattern.replace("{first}", decorator.first).replace("{name}", name).strip()


def _is_route(decorator: Decorator) -> bool:
    return decorator.first.startswith("/") and decorator.text.rpartition(".")[2] in ROUTE_METHODS


def _tail(name: str) -> tuple[str, str]:
    top, _, _ = name.partition(".")
    return top, ".".join(name.split(".")[-2:])


def _by_method(registrations: dict[str, Registration]) -> dict[tuple[str, str], Registration]:
    """By package and `Class.method`, since a class is mostly defined deeper than where it is imported from."""
    return {_tail(name): found for name, found in registrations.items() if name.split(".")[-2][:1].isupper()}


def _overrides() -> dict[str, list[Override]]:
    found: dict[str, list[Override]] = {}
    for override in OVERRIDES:
        found.setdefault(override.base, []).append(override)
    return found


_OVERRIDES = _overrides()

__all__ = ["CONSOLE", "Entries", "Entry", "callables"]
