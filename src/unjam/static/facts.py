"""The type checker's call graph: the only module that knows what pyrefly prints.

The format is that of `pyrefly check --report-pysa ... --report-pysa-format json`, versions 1.1 to 1.4. It carries no
promise of stability, so the program's own version is what is checked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeAlias

from unjam.static.checker import FactsError, Run
from unjam.static.project import failed

Span: TypeAlias = tuple[int, int, int, int]
"""Line, column, end line, end column of an expression: lines 1-based, columns 1-based in UTF-8 bytes, end exclusive."""


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
    """Wait for the type checker and read what it printed. Raises FactsError."""
    return _Reader(run.output(), set(run.request.files)).facts(run.version)


def _definition_order(key: str) -> tuple[int, int]:
    """`F:n` in order of definition, before `CF:class:n`, which are fields that hold functions."""
    *prefix, number = key.split(":")
    return len(prefix), int(number)


def _span(text: str) -> Span:
    start, end = text.split("-")
    line, column = start.split(":")
    end_line, end_column = end.split(":")
    return int(line), int(column), int(end_line), int(end_column)


class _Definitions:
    """Names of the functions and classes of one module, by the ids that are valid in this run only."""

    def __init__(self, module: str, raw: dict[str, Any]) -> None:
        self.module = module
        self.functions: dict[str, dict[str, Any]] = raw["function_definitions"]
        self.classes: dict[str, dict[str, Any]] = raw["class_definitions"]
        self._qualified: dict[str, str] = {}
        self._symbols: dict[str, str] = {}
        taken: dict[str, int] = {}
        for key in sorted(self.functions, key=_definition_order):
            name = self._parented(self.functions[key])
            taken[name] = again = taken.get(name, 0) + 1
            self._symbols[key] = f"{module}:{name}" if again == 1 else f"{module}:{name}#{again}"

    def _parented(self, definition: dict[str, Any]) -> str:
        parent, name = definition["parent"], str(definition["name"])
        if parent == "TopLevel":
            return name
        if "Class" in parent:
            return f"{self.qualified_class(str(parent['Class']['class_id']))}.{name}"
        key = f"F:{parent['Function']['func_def_index']}"
        if key not in self._qualified:
            outer = self.functions.get(key)
            self._qualified[key] = self._parented(outer) if outer else "?"
        return f"{self._qualified[key]}.{name}"

    def qualified_class(self, number: str) -> str:
        """Qualified name of a class in its module."""
        definition = self.classes.get(number)
        return self._parented(definition) if definition else "?"

    def symbol(self, key: str) -> str:
        """`module:qualified.name` of a function; `F:3` is an id, MTL and CTL have no name of their own."""
        return self._symbols.get(key, f"{self.module}:?")


class _Reader:
    """Turns one output folder into Facts."""

    def __init__(self, folder: Path, wanted: set[str]) -> None:
        self._folder = folder
        self._modules: dict[str, dict[str, Any]] = _load(folder / "pyrefly.pysa.json")["modules"]
        self._names = self._module_names(wanted)
        self._loaded: dict[int, _Definitions] = {}
        self._mro: dict[str, tuple[str, ...]] = {}

    def _module_names(self, wanted: set[str]) -> dict[str, list[str]]:
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
        for key in sorted(definitions.functions, key=_definition_order):
            raw = definitions.functions[key]
            if "name_location" not in raw:
                continue
            result.functions[definitions.symbol(key)] = self._function(definitions, key, raw)
        for number, raw in definitions.classes.items():
            symbol = f"{definitions.module}:{definitions.qualified_class(number)}"
            result.classes[symbol] = self._class(raw)
        graphs = _load(self._folder / "call_graphs" / self._modules[str(identity)]["info_filename"])["call_graphs"]
        for key, entries in graphs.items():
            calls = list(self._calls(entries))
            if key.startswith("FDT:"):
                result.decorations[definitions.symbol(f"F:{key[4:]}")] = calls
            elif key.startswith("F:"):
                result.calls[definitions.symbol(key)] = calls
            else:
                result.calls.setdefault("", []).extend(calls)
        return result

    def _function(self, definitions: _Definitions, key: str, raw: dict[str, Any]) -> FunctionFact:
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

    def _class(self, raw: dict[str, Any]) -> ClassFact:
        fields: dict[str, tuple[str, ...]] = {}
        for name, value in raw.get("fields", {}).items():
            classes = value["type"].get("class_names", {}).get("classes", ())
            fields[name] = tuple(self._class_symbol(entry["class"]) for entry in classes)
        return ClassFact(self._bases(raw), fields)

    def _bases(self, raw: dict[str, Any]) -> tuple[str, ...]:
        mro = raw.get("mro")
        order = mro.get("Resolved", ()) if isinstance(mro, dict) else raw.get("bases", ())
        return tuple(self._class_symbol(base) for base in order)

    def _calls(self, entries: dict[str, Any]) -> Iterator[CallFact]:
        for location, entry in entries.items():
            where, *suffix = location.split("|")
            ((kind, body),) = entry.items()
            reader = self._READERS.get(kind)
            if reader is not None:
                yield from reader(self, _span(where), suffix, body)

    def _call(self, span: Span, suffix: list[str], body: dict[str, Any]) -> Iterator[CallFact]:
        kind = suffix[1] if suffix[:1] == ["artificial-call"] else "call"
        arguments = tuple(
            (int(entry["index"]), self._targets(entry["call_targets"]))
            for entry in body.get("higher_order_parameters", {}).values()
        )
        targets = self._called(body)
        yield CallFact(span, kind, targets, arguments, resolved="unresolved" not in body)

    def _attribute(self, span: Span, _suffix: list[str], body: dict[str, Any]) -> Iterator[CallFact]:
        accessed = self._targets(body.get("property_getters", ())) + self._targets(body.get("property_setters", ()))
        if accessed:
            yield CallFact(span, "property", accessed, (), resolved=True)
        yield from self._reference(span, _suffix, body)

    def _reference(self, span: Span, _suffix: list[str], body: dict[str, Any]) -> Iterator[CallFact]:
        referred = self._called(body.get("if_called", {}))
        if referred:
            yield CallFact(span, "reference", referred, (), resolved=True)

    def _stringify(self, span: Span, _suffix: list[str], body: dict[str, Any]) -> Iterator[CallFact]:
        yield CallFact(span, "format", self._targets(body.get("targets", ())), (), resolved=True)

    def _called(self, body: dict[str, Any]) -> tuple[Target, ...]:
        made = self._targets(body.get("init_targets", ())) + self._targets(body.get("new_targets", ()))
        return self._targets(body.get("call_targets", ())) + made

    def _targets(self, raw: Iterable[dict[str, Any]]) -> tuple[Target, ...]:
        return tuple(target for entry in raw if (target := self._target(entry)) is not None)

    def _target(self, raw: dict[str, Any]) -> Target | None:
        receiver = self._class_symbol(raw["receiver_class"]) if "receiver_class" in raw else ""
        symbol = self._name(raw["target"])
        if symbol.startswith("builtins:object.") and not receiver:
            return None
        return Target(symbol, receiver, "Overrides" in raw["target"])

    def _name(self, raw: dict[str, Any]) -> str:
        ((_, function),) = raw.items()
        return self._definitions(function["module_id"]).symbol(function["function_id"])

    def _class_symbol(self, raw: dict[str, Any]) -> str:
        definitions = self._definitions(raw["module_id"])
        number = str(raw["class_id"])
        symbol = f"{definitions.module}:{definitions.qualified_class(number)}"
        if symbol not in self._mro:
            self._mro[symbol] = ()
            self._mro[symbol] = self._bases(definitions.classes.get(number, {}))
        return symbol

    def _definitions(self, identity: int) -> _Definitions:
        if identity not in self._loaded:
            module = self._modules[str(identity)]
            raw = _load(self._folder / "definitions" / module["info_filename"])
            names = self._names.get(module["source_path"].get("FileSystem"), (module["module_name"],))
            self._loaded[identity] = _Definitions(names[0], raw)
        return self._loaded[identity]

    _READERS: ClassVar[dict[str, Callable[..., Iterator[CallFact]]]] = {
        "Call": _call,
        "AttributeAccess": _attribute,
        "Identifier": _reference,
        "FormatStringStringify": _stringify,
    }


def _load(path: Path) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise FactsError(f"pyrefly left {path.name} unreadable: {error}") from error
    return loaded
