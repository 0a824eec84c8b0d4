"""The type checker's call graph, with names instead of ids; what it prints only this module and `printed` know.

The format carries no promise of stability, so the program's own version is what is checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from unjam.static.checker import Run
from unjam.static.printed import Definitions, Ids, Printed, PrintedCall, Span, definition_order
from unjam.static.project import failed

_PAUSE_S = 0.05
"""Between two looks at what the type checker has printed: some hundred in one run, each a millisecond."""


class Target(NamedTuple):
    """One function that a call may run. `symbol` is `module:Class.name`; `receiver` is `module:Class`, "" where unknown.

    `virtual`: the method of a base class stands for all overrides below `receiver`.
    """

    symbol: str
    receiver: str = ""
    virtual: bool = False


class CallFact(NamedTuple):
    """One expression that runs something. `kind` is call, property, reference or the name of an implicit call."""

    span: Span
    kind: str
    targets: tuple[Target, ...]
    arguments: tuple[tuple[int, tuple[Target, ...]], ...]
    resolved: bool


@dataclass(frozen=True, slots=True)
class FunctionFact:
    """One function of a project file; `line` is that of its name, `owner` the class's symbol or ""."""

    symbol: str
    line: int
    owner: str
    overrides: str
    decorators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClassFact:
    """One class: symbols of its bases in resolution order, and the classes of its fields where known."""

    bases: tuple[str, ...]
    fields: dict[str, tuple[str, ...]]


@dataclass(slots=True)
class ModuleFacts:
    """One project file. `calls` is keyed by the symbol of the function whose body it is; "" is the module level."""

    name: str
    path: str
    functions: dict[str, FunctionFact] = field(default_factory=dict)
    classes: dict[str, ClassFact] = field(default_factory=dict)
    calls: dict[str, list[CallFact]] = field(default_factory=dict)
    decorations: dict[str, list[CallFact]] = field(default_factory=dict)


@dataclass(slots=True)
class Facts:
    """What the type checker knows about the project, with symbolic names only."""

    version: str
    modules: dict[str, ModuleFacts]
    bases: dict[str, tuple[str, ...]]
    """Symbols of the bases of every class that is a receiver somewhere, in resolution order."""
    names: dict[str, str] = field(default_factory=dict)
    """Paths of the project's files by every name that they are imported under; symbols have the longest of a file's."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Why the facts of a file could not be read, by path."""


def facts_of(run: Run) -> Facts:
    """Wait for the type checker, reading meanwhile what it prints, and give all of it names. Raises FactsError."""
    wanted = frozenset(run.request.files)
    printed = Printed(run.printed, wanted)
    while not run.ended(_PAUSE_S):
        printed.early()
    run.check()
    return _Reader(printed, wanted).facts(run.version)


class _Reader:
    """Turns one output into Facts."""

    def __init__(self, printed: Printed, wanted: frozenset[str]) -> None:
        self._printed = printed
        self._modules = printed.index()
        self._names = self._module_names(wanted)
        self._loaded: dict[int, Definitions] = {}
        self._mro: dict[str, tuple[str, ...]] = {}
        self._known: dict[tuple[Ids, ...], tuple[Target, ...]] = {}

    def _module_names(self, wanted: frozenset[str]) -> dict[str, list[str]]:
        """Names of each wanted file, the longest first: what two roots see is one file, and its symbols must be one's."""
        names: dict[str, list[str]] = {}
        for raw in self._modules.values():
            path = raw["source_path"].get("FileSystem")
            if path in wanted:
                names.setdefault(str(path), []).append(str(raw["module_name"]))
        return {path: sorted(found, key=lambda name: (-name.count("."), name)) for path, found in names.items()}

    def facts(self, version: str) -> Facts:
        modules: dict[str, ModuleFacts] = {}
        skipped: dict[str, str] = {}
        for path, identity in self._identities():
            try:
                modules[path] = self._module(identity, path)
            except Exception as error:  # noqa: BLE001  what is odd in one file must not cost the others
                skipped[path] = failed(error)
        names = {name: path for path, found in self._names.items() for name in found if path in modules}
        return Facts(version, modules, self._mro, names, skipped)

    def _identities(self) -> list[tuple[str, int]]:
        """Paths and ids of the wanted files, sorted: the type checker prints them in no particular order."""
        return sorted(
            (path, int(identity))
            for identity, raw in self._modules.items()
            if (path := raw["source_path"].get("FileSystem")) in self._names
            and raw["module_name"] == self._names[path][0]
        )

    def _module(self, identity: int, path: str) -> ModuleFacts:
        definitions = self._definitions(identity)
        result = ModuleFacts(definitions.module, path)
        for key in sorted(definitions.functions, key=definition_order):
            raw = definitions.functions[key]
            if "name_location" not in raw:
                continue
            result.functions[definitions.symbol(key)] = self._function(definitions, key, raw)
        for number, raw in definitions.classes.items():
            symbol = f"{definitions.module}:{definitions.qualified_class(number)}"
            result.classes[symbol] = self._class_fact(raw)
        for key, printed in self._printed.graph(self._modules[str(identity)]["info_filename"]).items():
            calls = list(self._calls(printed))
            if key.startswith("FDT:"):
                result.decorations[definitions.symbol(f"F:{key[4:]}")] = calls
            elif key.startswith("F:"):
                result.calls[definitions.symbol(key)] = calls
            else:
                result.calls.setdefault("", []).extend(calls)
        return result

    def _function(self, definitions: Definitions, key: str, raw: dict[str, Any]) -> FunctionFact:
        base = raw.get("overridden_base_method")
        decorators = [self._name(target) for targets in raw.get("decorator_callees", {}).values() for target in targets]
        owner = raw.get("defining_class")
        return FunctionFact(
            definitions.symbol(key),
            int(raw["name_location"].split(":")[0]),
            self._class_symbol(owner) if owner else "",
            self._definitions(base["module_id"]).symbol(base["function_id"]) if base else "",
            tuple(decorators),
        )

    def _class_fact(self, raw: dict[str, Any]) -> ClassFact:
        fields: dict[str, tuple[str, ...]] = {}
        for name, value in raw.get("fields", {}).items():
            classes = value["type"].get("class_names", {}).get("classes", ())
            fields[name] = tuple(self._class_symbol(entry["class"]) for entry in classes)
        return ClassFact(self._bases(raw), fields)

    def _bases(self, raw: dict[str, Any]) -> tuple[str, ...]:
        mro = raw.get("mro")
        order = mro.get("Resolved", ()) if isinstance(mro, dict) else raw.get("bases", ())
        return tuple(self._class_symbol(base) for base in order)

    def _calls(self, printed: Iterable[PrintedCall]) -> Iterator[CallFact]:
        for span, kind, targets, handed, resolved in printed:
            named = self._targets(targets)
            if named or kind not in {"property", "reference"}:
                arguments = tuple((index, self._targets(each)) for index, each in handed) if handed else ()
                yield CallFact(span, kind, named, arguments, resolved)

    def _targets(self, targets: tuple[Ids, ...]) -> tuple[Target, ...]:
        found = self._known.get(targets)
        if found is None:
            named = (self._target(*each) for each in targets)
            found = self._known[targets] = tuple(target for target in named if target is not None)
        return found

    def _target(self, module: int, function: str, virtual: bool, owner: int, number: str) -> Target | None:  # noqa: FBT001  the parts of Ids
        receiver = self._class(owner, number) if number else ""
        symbol = self._definitions(module).symbol(function)
        if symbol.startswith("builtins:object.") and not receiver:
            return None
        return Target(symbol, receiver, virtual)

    def _name(self, raw: dict[str, Any]) -> str:
        ((_, function),) = raw.items()
        return self._definitions(function["module_id"]).symbol(function["function_id"])

    def _class_symbol(self, raw: dict[str, Any]) -> str:
        return self._class(raw["module_id"], str(raw["class_id"]))

    def _class(self, module: int, number: str) -> str:
        definitions = self._definitions(module)
        symbol = f"{definitions.module}:{definitions.qualified_class(number)}"
        if symbol not in self._mro:
            self._mro[symbol] = ()
            self._mro[symbol] = self._bases(definitions.classes.get(number, {}))
        return symbol

    def _definitions(self, identity: int) -> Definitions:
        if identity not in self._loaded:
            module = self._modules[str(identity)]
            found = self._loaded[identity] = self._printed.definitions(module["info_filename"])
            found.module = self._names.get(module["source_path"].get("FileSystem"), (module["module_name"],))[0]
        return self._loaded[identity]


__all__ = ["CallFact", "ClassFact", "Facts", "FunctionFact", "ModuleFacts", "Span", "Target", "facts_of"]
