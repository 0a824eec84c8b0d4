"""What the type checker prints, file by file, with its ids: most of it is read while it still works on the rest.

The format is that of `pyrefly check --report-pysa ... --report-pysa-format json`, versions 1.1 to 1.4. It writes one file of
definitions and one call graph for each module as soon as it is done with it, and the list of all modules last. Ids of modules
and classes hold in one run only.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

from unjam.static.checker import FactsError

T = TypeVar("T")

Span: TypeAlias = tuple[int, int, int, int]
"""Line, column, end line, end column of an expression: lines 1-based, columns 1-based in UTF-8 bytes, end exclusive."""

Ids: TypeAlias = tuple[int, str, bool, int, str]
"""A target: module and id of the function, whether overrides are meant, module and id of the receiver's class (-1 and "" for none)."""

_State: TypeAlias = tuple[int, int]
"""Size of a file and time of its last change: one that has changed since it was read is read again."""

_HEADER = 4096
"""Bytes that hold what a file begins with: the module's name and path."""
_PATH = re.compile(rb'"source_path":\{"FileSystem":("(?:[^"\\]|\\.)*")')


class PrintedCall(NamedTuple):
    """One expression that runs something, as a CallFact has it, with ids instead of names."""

    span: Span
    kind: str
    targets: tuple[Ids, ...]
    arguments: tuple[tuple[int, tuple[Ids, ...]], ...]
    resolved: bool


Graph: TypeAlias = dict[str, list[PrintedCall]]
"""The calls of one file by the id of the function whose body it is: `F:3`, `FDT:3` its decorators, others the module level."""


class Definitions:
    """The functions and classes of one module by id; `module` is its name, which is known when all modules are."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.module = ""
        self.functions: dict[str, dict[str, Any]] = raw["function_definitions"]
        self.classes: dict[str, dict[str, Any]] = raw["class_definitions"]
        self._outer: dict[str, str] = {}
        self._names: dict[str, str] = {}
        taken: dict[str, int] = {}
        for key in sorted(self.functions, key=definition_order):
            self.functions[key].pop("undecorated_signatures", None)  # most of the file, and nobody asks for them
            name = self._parented(self.functions[key])
            taken[name] = again = taken.get(name, 0) + 1
            self._names[key] = name if again == 1 else f"{name}#{again}"

    def _parented(self, definition: dict[str, Any]) -> str:
        parent, name = definition["parent"], str(definition["name"])
        if parent == "TopLevel":
            return name
        if "Class" in parent:
            return f"{self.qualified_class(str(parent['Class']['class_id']))}.{name}"
        key = f"F:{parent['Function']['func_def_index']}"
        if key not in self._outer:
            outer = self.functions.get(key)
            self._outer[key] = self._parented(outer) if outer else "?"
        return f"{self._outer[key]}.{name}"

    def qualified_class(self, number: str) -> str:
        """Qualified name of a class in its module."""
        definition = self.classes.get(number)
        return self._parented(definition) if definition else "?"

    def symbol(self, key: str) -> str:
        """`module:qualified.name` of a function; `F:3` is an id, MTL and CTL have no name of their own."""
        return f"{self.module}:{self._names.get(key, '?')}"


def definition_order(key: str) -> tuple[int, int]:
    """`F:n` in order of definition, before `CF:class:n`, which are fields that hold functions."""
    *prefix, number = key.split(":")
    return len(prefix), int(number)


class Printed:
    """The files of one output folder, each read once; `early` reads what is there before the type checker has ended."""

    def __init__(self, folder: Path, wanted: frozenset[str]) -> None:
        """`wanted`: the paths of the files whose call graphs will be asked for."""
        self._folder = folder
        self._wanted = wanted
        self._graphs: dict[str, tuple[_State, Graph]] = {}
        self._definitions: dict[str, tuple[_State, Definitions]] = {}
        self._seen: set[str] = set()
        self._same: dict[Ids, Ids] = {}
        self._meant: set[str] = set()

    def early(self) -> None:
        """Read what has been printed since the last time: the wanted files, and the definitions that their calls mean."""
        names = _names(self._folder / "call_graphs")
        for name in names:
            if name not in self._seen:
                self._seen.add(name)
                with contextlib.suppress(Exception):  # it is half written, or odd: that is told when it is asked for
                    if self._is_wanted(name):
                        self.definitions(name)
                        self.graph(name)
        for name in names:
            if name not in self._definitions and name.rpartition(":")[2].removesuffix(".json") in self._meant:
                with contextlib.suppress(Exception):  # as above
                    self.definitions(name)

    def _is_wanted(self, name: str) -> bool:
        with open(self._folder / "call_graphs" / name, "rb") as stream:  # noqa: PTH123  thousands of files
            found = _PATH.search(stream.read(_HEADER))
        return found is not None and json.loads(found[1]) in self._wanted

    def index(self) -> dict[str, dict[str, Any]]:
        """All modules by id. Raises FactsError, as the following do."""
        modules: dict[str, dict[str, Any]] = _load(f"{self._folder}/pyrefly.pysa.json")["modules"]
        return modules

    def definitions(self, name: str) -> Definitions:
        """The definitions of the module whose files have that name."""
        return self._once(self._definitions, "definitions", name, Definitions)

    def graph(self, name: str) -> Graph:
        """Its call graph."""
        return self._once(self._graphs, "call_graphs", name, self._graph)

    def _once(self, known: dict[str, tuple[_State, T]], kind: str, name: str, read: Callable[[dict[str, Any]], T]) -> T:
        path = f"{self._folder}/{kind}/{name}"
        state = _state(path)
        found = known.get(name)
        if found is None or found[0] != state:
            found = known[name] = state, read(_load(path))
        return found[1]

    def _graph(self, raw: dict[str, Any]) -> Graph:
        return {key: list(self._calls(entries)) for key, entries in raw["call_graphs"].items()}

    def _calls(self, entries: dict[str, Any]) -> Iterator[PrintedCall]:
        for location, entry in entries.items():
            ((kind, body),) = entry.items()
            if kind == "Call":
                yield self._call(location, body)
            elif kind == "FormatStringStringify":
                yield PrintedCall(_span(location), "format", self._ids(body.get("targets", ())), (), resolved=True)
            elif kind in {"Identifier", "AttributeAccess"}:
                yield from self._read(location, body)

    def _call(self, location: str, body: dict[str, Any]) -> PrintedCall:
        _, *suffix = location.split("|")
        kind = suffix[1] if suffix[:1] == ["artificial-call"] else "call"
        handed = body.get("higher_order_parameters")
        arguments = (
            tuple((int(each["index"]), self._ids(each["call_targets"])) for each in handed.values()) if handed else ()
        )
        return PrintedCall(_span(location), kind, self._called(body), arguments, "unresolved" not in body)

    def _read(self, location: str, body: dict[str, Any]) -> Iterator[PrintedCall]:
        accessed = (*body.get("property_getters", ()), *body.get("property_setters", ()))
        if accessed:
            yield PrintedCall(_span(location), "property", self._ids(accessed), (), resolved=True)
        referred = body.get("if_called")
        if referred:
            yield PrintedCall(_span(location), "reference", self._called(referred), (), resolved=True)

    def _called(self, body: dict[str, Any]) -> tuple[Ids, ...]:
        called = body.get("call_targets", ())
        if "init_targets" in body or "new_targets" in body:
            called = (*called, *body.get("init_targets", ()), *body.get("new_targets", ()))
        return self._ids(called)

    def _ids(self, raw: Iterable[dict[str, Any]]) -> tuple[Ids, ...]:
        return tuple([self._target(each) for each in raw])

    def _target(self, raw: dict[str, Any]) -> Ids:
        ((form, function),) = raw["target"].items()
        receiver = raw.get("receiver_class")
        owner, number = (receiver["module_id"], str(receiver["class_id"])) if receiver is not None else (-1, "")
        ids = function["module_id"], function["function_id"], form == "Overrides", owner, number
        known = self._same.get(ids)
        if known is None:
            self._meant |= {str(ids[0]), str(owner)}
            known = self._same[ids] = ids
        return known


def _span(location: str) -> Span:
    start, _, end = location.partition("|")[0].partition("-")
    line, column = start.split(":")
    end_line, end_column = end.split(":")
    return int(line), int(column), int(end_line), int(end_column)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  the names alone are wanted
    except FileNotFoundError:
        return []


def _state(path: str) -> _State:
    try:
        found = os.stat(path)  # noqa: PTH116  thousands of files
    except OSError as error:
        raise FactsError(f"pyrefly left {Path(path).name} unreadable: {error}") from error
    return found.st_size, found.st_mtime_ns


def _load(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as stream:  # noqa: PTH123  thousands of files
            loaded: dict[str, Any] = json.loads(stream.read())
    except (OSError, ValueError) as error:
        raise FactsError(f"pyrefly left {Path(path).name} unreadable: {error}") from error
    return loaded
