"""Which calls are in the knowledge base, and which of those cannot block as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from unjam.knowledge.clients import HARMLESS
from unjam.knowledge.records import Call as Record
from unjam.knowledge.records import Weight
from unjam.model.findings import Grade
from unjam.static.facts import Target
from unjam.static.flow import OffLoop
from unjam.static.harmless import Harmless
from unjam.static.inside import Inside, Leaf
from unjam.static.names import Namer
from unjam.static.program import Call, Function, Program
from unjam.static.settled import PIPES
from unjam.static.source import CallSite

_CALLED_DUNDERS = frozenset({"__enter__", "__iter__", "__next__", "__call__", "__getitem__"})
"""Special methods that `Class.*` covers: users write them as `with`, `for` and so on."""
_ASYNC_PARTS = frozenset({"asyncio", "aio", "asynchronous", "_async", "async_client"})
"""Modules whose classes have the names of the synchronous ones: `redis.asyncio.Redis`."""
_IN_MEMORY = frozenset({"_io:BytesIO", "_io:StringIO", "io:BytesIO", "io:StringIO"})
"""They inherit from the classes of files: https://github.com/python/typeshed/blob/main/stdlib/_io.pyi."""
FILE_LIKE = ("typing.IO.", "typing.BinaryIO.", "typing.TextIO.")
"""Types of files that something in memory has as well: https://docs.python.org/3/library/typing.html#typing.IO."""
_PAUSE = 0.001
"""Seconds: a pause that is given to other threads, and costs a few hops to one."""
_STALL = 0.05
"""Seconds: what `unjam run` calls a stall unless it is told otherwise."""
_SHARED = ("azure.", "google.")
"""First parts that the packages of several makers, or of several services, share."""
_MAKERS = (".__init__", ".__new__")
_OF_DATA = frozenset({"endswith", "lower", "removeprefix", "removesuffix", "startswith", "strip", "upper"})
"""Methods of texts that no client has."""


class Catalog:
    """Finds the record of a qualified name; exact names win over `prefix.*`, longer prefixes over shorter ones."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._exact: dict[str, Record] = {}
        self._prefixes: dict[str, Record] = {}
        self._tails: dict[tuple[str, str], Record] = {}
        for record in records:
            self._add(record)

    def _add(self, record: Record) -> None:
        if record.name.endswith(".*"):
            self._prefixes[record.name[:-2]] = record
            owner = record.name[:-2].rpartition(".")[2]
            if owner[:1].isupper():
                self._tails.setdefault((_top(record.name), f"{owner}.*"), record)
        else:
            self._exact[record.name] = record
            self._tail(record.name, record)
        for frame in record.frames:
            self._exact.setdefault(frame.replace(":", "."), record)

    def _tail(self, name: str, record: Record) -> None:
        """A class is often re-exported: `requests.Session.get` is defined as `requests.sessions.Session.get`."""
        *_, owner, method = ["", *name.split(".")]
        if owner[:1].isupper():
            self._tails.setdefault((_top(name), f"{owner}.{method}"), record)
        elif method[:1].isupper():
            self._tails.setdefault((_top(name), method), record)

    def find(self, name: str) -> Record | None:
        """The record of a qualified name."""
        found = self._exact.get(name) or self._exported(name)
        return found or self._prefixed(name)

    def exact(self, name: str) -> Record | None:
        """The record of exactly that name."""
        return self._exact.get(name)

    def _exported(self, name: str) -> Record | None:
        *_, owner, method = ["", *name.split(".")]
        tail = f"{owner}.{method}" if owner[:1].isupper() else method
        if not tail[:1].isupper():
            return None
        if _ASYNC_PARTS & set(name.split(".")):
            return None
        top = _top(name)
        found = self._tails.get((top, tail))
        if found is None and "." in tail and _public(method):
            found = self._tails.get((top, f"{owner}.*"))
        return found

    def _prefixed(self, name: str) -> Record | None:
        prefix, _, method = name.rpartition(".")
        if not _public(method) or _ASYNC_PARTS & set(name.split(".")):
            return None
        while prefix:
            if prefix in self._prefixes:
                return self._prefixes[prefix]
            prefix = prefix.rpartition(".")[0]
        return None


def _method_of(name: str) -> str:
    """`package:Class.method` of a qualified name, "" where it is no method."""
    *_, owner, last = ["", *name.split(".")]
    return f"{_top(name)}:{owner}.{last}" if owner[:1].isupper() else ""


def _top(name: str) -> str:
    """The package of a name; what many packages share the first part of has more parts."""
    parts = 3 if name.startswith("google.cloud.") else 2 if name.startswith(_SHARED) else 1
    return ".".join(name.split(".")[:parts]).lstrip("_")


def _public(method: str) -> bool:
    return not method.startswith("_") or method in _CALLED_DUNDERS


class Leaves:
    """Judges calls of one program against the catalogue."""

    def __init__(self, program: Program, catalog: Catalog, namer: Namer, packages: Inside | None = None) -> None:
        self._program = program
        self._packages = packages or Inside()
        self._catalog = catalog
        self._namer = namer
        self._harmless = Harmless(program, namer)
        self._off_loop = OffLoop(program)
        self._by_target: dict[tuple[Target, bool], tuple[Record, str] | None] = {}

    def leaf(self, function: Function, call: Call) -> Leaf | None:
        """The blocking call that this is, or None where it is not one or cannot block as written."""
        if call.kind == "reference" or (call.site is not None and call.site.use == "awaited"):
            return None  # what is awaited is a coroutine's call, whatever its type or its text may look like
        found = self._stream(function, call) or self._typed(function, call) or self._named(function, call)
        if found is None:
            found = self._inside(call) or self._inside_by_name(function, call)
            plain = found is not None and self._harmless.needs_no_certificates(call, found.name)
            return None if plain or self._off_loop.makes(function, call) else found
        if self._harmless.does_not_block(function, call, found.name) or self._off_loop.makes(function, call):
            return None
        cheap = self._harmless.is_cheap(function, call, found.name)
        return replace(found, weight=Weight.MICROSECONDS) if cheap else found

    def _inside(self, call: Call) -> Leaf | None:
        """A function of an installed package that blocks somewhere inside."""
        for target in call.targets:
            classes = (target.receiver, *self._program.bases.get(target.receiver, ()))
            for symbol in self._packaged(target):
                leaf = self._packages.leaf(symbol, classes)
                if leaf is not None:
                    return leaf
        return None

    def _inside_by_name(self, function: Function, call: Call) -> Leaf | None:
        """The same where only the text says what is called."""
        if not self._packages.leaves or call.site is None or call.targets or not call.site.text:
            return None
        name = self._namer.qualified(function, call.site.text)
        found = (
            self._by_name.get(name) or self._by_name.get(_method_of(name)) or self._inherited(name) if name else None
        )
        return replace(found, grade=Grade.INFERRED) if found is not None else None

    def _inherited(self, name: str) -> Leaf | None:
        """A method that the named class of a package has of a base, maybe of another package."""
        owner, _, method = name.rpartition(".")
        symbol = self._classes.get(owner) or self._classes.get(f"{_top(owner)}:{owner.rpartition('.')[2]}")
        return self._packages.method(method, (symbol, *self._packages.bases[symbol])) if symbol else None

    @cached_property
    def _classes(self) -> dict[str, str]:
        """Classes of packages by qualified name, and by package and name where that is of one class only."""
        found = {}
        for symbol in self._packages.bases:
            name = symbol.replace(":", ".")
            short = f"{_top(name)}:{name.rpartition('.')[2]}"
            found[name] = symbol
            found[short] = "" if short in found else symbol
        return found

    @cached_property
    def _by_name(self) -> dict[str, Leaf]:
        """Leaves of packages by qualified name, and methods by package and class: classes are exported from elsewhere."""
        found: dict[str, Leaf] = {}
        for symbol, leaf in self._packages.leaves.items():
            name = symbol.replace(":", ".").removesuffix(".__init__")
            found[name] = leaf
            if method := _method_of(name):
                found[method] = leaf
        return found

    def _packaged(self, target: Target) -> Iterator[str]:
        yield target.symbol
        if target.symbol.endswith(_MAKERS) and target.receiver:
            yield f"{target.receiver}.__init__"

    def _stream(self, function: Function, call: Call) -> Leaf | None:
        """What is read of the console, or of a child process, is a file by its type only."""
        if call.site is None or "std" not in call.site.text:
            return None
        name = self._namer.qualified(function, call.site.text)
        record = self._catalog.exact(name) if name.startswith(("sys.stdin.", *PIPES)) else None
        return Leaf(record, name, record.weight, Grade.EXACT) if record is not None else None

    def _typed(self, function: Function, call: Call) -> Leaf | None:
        for target in call.targets:
            key = target, call.kind == "with-enter"
            if key not in self._by_target:
                self._by_target[key] = self._of_target(*key)
            found = self._by_target[key]
            if found is not None:
                record, name = found
                grade = Grade.INFERRED if name.startswith(FILE_LIKE) else Grade.EXACT
                return Leaf(record, self._written(function, call, record, name), _weight(call, record), grade)
        return self._imported(function, call)

    def _of_target(self, target: Target, entered: bool) -> tuple[Record, str] | None:  # noqa: FBT001  the parts of a key
        """The record of a target, and the name that it was found by."""
        if target.symbol in self._program.functions or self._is_another(target.receiver):
            return None
        names = candidates(target, self._program)
        for name in _entered(names) if entered else names:
            record = self._catalog.find(name)
            if record is not None and not _is_harmless(record, name) and not _overrides(target, name):
                return record, name
        return None

    def _is_another(self, receiver: str) -> bool:
        """Whether a class is no file, whatever it inherits from, or the asynchronous one of a name."""
        if _ASYNC_PARTS & set(re.split("[.:]", receiver)):
            return True
        return any(owner in _IN_MEMORY for owner in (receiver, *self._program.bases.get(receiver, ())))

    def _imported(self, function: Function, call: Call) -> Leaf | None:
        """A name of another module's that a public one re-exports: `hashlib.pbkdf2_hmac` is defined in `_hashlib`.

        Or an object of a class of the same module that is called like a function: `shutil.rmtree` is one by its type.
        """
        if call.site is None or any(target.symbol in self._program.functions for target in call.targets):
            return None
        record = self._catalog.exact(self._namer.qualified(function, call.site.text))
        if record is None:
            return None
        module, _, name = record.name.rpartition(".")
        if not any(_bare(each.symbol) == name or _called_in(module, each.symbol) for each in call.targets):
            return None
        return Leaf(record, record.name, _weight(call, record), Grade.EXACT)

    def _written(self, function: Function, call: Call, record: Record, name: str) -> str:
        """The name as the source has it, where that is known too: `os.path.exists`, not `genericpath.exists`."""
        text = self._namer.qualified(function, call.site.text) if call.site is not None else ""
        other = self._catalog.exact(text)
        return text if other is not None and other.rule == record.rule else _shown(record, name)

    def _named(self, function: Function, call: Call) -> Leaf | None:
        if call.site is None or call.targets or not call.site.text:
            return None
        name = self._namer.qualified(function, call.site.text)
        record = self._catalog.find(name) if name else None
        if record is None or _is_harmless(record, name) or _looks_into(call.site, name):
            return None
        return Leaf(record, _shown(record, name), _weight(call, record), Grade.INFERRED)

    def named(self, function: Function, call: Call) -> bool:
        """Whether the text alone says what is called, where the type checker does not."""
        return call.site is not None and bool(self._namer.qualified(function, call.site.text))


def candidates(target: Target, program: Program) -> Iterator[str]:
    """Qualified names under which a target may be known: by its receiver, the receiver's bases, and its definer."""
    module, _, qualified = target.symbol.partition("#")[0].partition(":")
    method = qualified.rpartition(".")[2]
    if target.receiver:
        for owner in (target.receiver, *program.bases.get(target.receiver, ())):
            yield f"{owner.replace(':', '.')}.{method}"
    yield f"{module}.{qualified}"
    if qualified.endswith(_MAKERS):
        owner = target.receiver.replace(":", ".") or f"{module}.{qualified.rpartition('.')[0]}"
        yield owner


def _entered(names: Iterator[str]) -> Iterator[str]:
    """The names that a `with` may be known by; what it enters it also leaves, which is where an executor waits."""
    for name in names:
        yield name
        yield name.replace(".__enter__", ".__exit__")


def _is_harmless(record: Record, name: str) -> bool:
    return record.name.endswith(".*") and name.rpartition(".")[2] in HARMLESS


def _looks_into(site: CallSite, name: str) -> bool:
    """`client.album(key).get("genres")`: what the client gave is a dict, and what is in it a dict or a text."""
    owner, _, method = name.rpartition(".")
    key = site.argument(0)
    looked_up = method == "get" and key is not None and key.form == "constant"
    return owner.endswith((")", "]")) and (looked_up or method in _OF_DATA)


def _overrides(target: Target, name: str) -> bool:
    """Whether `name` is a base's, whose method an asynchronous class defines anew: `AsyncExa.search` inherits from `Exa`."""
    definer = target.symbol.rpartition(":")[2].rpartition(".")[0]
    return definer.startswith("Async") and not any(part.startswith("Async") for part in name.split("."))


def _bare(symbol: str) -> str:
    return symbol.partition("#")[0].rpartition(":")[2].rpartition(".")[2]


def _called_in(module: str, symbol: str) -> bool:
    """Whether that is what the call of an object runs, whose class the module defines."""
    return symbol.startswith(f"{module}:") and _bare(symbol) == "__call__"


def _shown(record: Record, name: str) -> str:
    return record.name if not record.name.endswith(".*") else f"{record.name[:-2]}.{name.rpartition('.')[2]}"


def _weight(call: Call, record: Record) -> Weight:
    """`sleep(0)` only gives other threads a chance, and a short pause costs what it says."""
    first = call.site.argument(0) if call.site is not None and record.rule == "UJ101" else None
    if first is None or first.form != "constant":
        return record.weight
    try:
        seconds = float(first.text)
    except ValueError:
        return record.weight
    return Weight.MICROSECONDS if seconds <= _PAUSE else Weight.MILLISECONDS if seconds < _STALL else record.weight
