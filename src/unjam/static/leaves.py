"""Which calls are in the knowledge base, and which of those cannot block as they are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import ClassVar

from unjam.knowledge.clients import HARMLESS
from unjam.knowledge.records import Call as Record
from unjam.knowledge.records import Weight
from unjam.model.findings import Grade, Link
from unjam.static.facts import Target
from unjam.static.names import Namer
from unjam.static.program import Call, Function, Program
from unjam.static.source import CallSite

_CALLED_DUNDERS = frozenset({"__enter__", "__iter__", "__next__", "__call__", "__getitem__"})
"""Special methods that `Class.*` covers: users write them as `with`, `for` and so on."""
_ASYNC_PARTS = frozenset({"asyncio", "aio", "asynchronous", "_async", "async_client"})
"""Modules whose classes have the names of the synchronous ones: `redis.asyncio.Redis`."""
_MAKERS = (".__init__", ".__new__")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A call that blocks: the record that says so, the name to show, and how sure the match is."""

    record: Record
    name: str
    weight: Weight
    grade: Grade
    below: tuple[Link, ...] = ()
    """The way through a package, from the function that the user calls down to the leaf."""


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
        if not _public(method):
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
    return name.partition(".")[0].lstrip("_")


def _public(method: str) -> bool:
    return not method.startswith("_") or method in _CALLED_DUNDERS


class Leaves:
    """Judges calls of one program against the catalogue."""

    def __init__(
        self, program: Program, catalog: Catalog, namer: Namer, packages: Mapping[str, Leaf] = MappingProxyType({})
    ) -> None:
        self._program = program
        self._packages = packages
        self._catalog = catalog
        self._namer = namer

    def leaf(self, function: Function, call: Call) -> Leaf | None:
        """The blocking call that this is, or None where it is not one or cannot block as written."""
        if call.kind == "reference" or (call.site is not None and call.site.use == "awaited"):
            return None  # what is awaited is a coroutine's call, whatever its type or its text may look like
        found = self._typed(function, call) or self._named(function, call)
        if found is None:
            return self._inside(call) or self._inside_by_name(function, call)
        if self._harmless(function, call, found.name):
            return None
        return replace(found, weight=Weight.MICROSECONDS) if self._only_makes(function, call, found.name) else found

    def _inside(self, call: Call) -> Leaf | None:
        """A function of an installed package that blocks somewhere inside."""
        for target in call.targets:
            for symbol in self._packaged(target):
                leaf = self._packages.get(symbol)
                if leaf is not None:
                    return leaf
        return None

    def _inside_by_name(self, function: Function, call: Call) -> Leaf | None:
        """The same where only the text says what is called."""
        if not self._packages or call.site is None or call.targets or not call.site.text:
            return None
        name = self._namer.qualified(function, call.site.text)
        found = self._by_name.get(name) or self._by_name.get(_method_of(name)) if name else None
        return replace(found, grade=Grade.INFERRED) if found is not None else None

    @cached_property
    def _by_name(self) -> dict[str, Leaf]:
        """Leaves of packages by qualified name, and methods by package and class: classes are exported from elsewhere."""
        found: dict[str, Leaf] = {}
        for symbol, leaf in self._packages.items():
            name = symbol.replace(":", ".").removesuffix(".__init__")
            found[name] = leaf
            if method := _method_of(name):
                found[method] = leaf
        return found

    def _packaged(self, target: Target) -> Iterator[str]:
        yield target.symbol
        if target.symbol.endswith(_MAKERS) and target.receiver:
            yield f"{target.receiver}.__init__"

    def _typed(self, function: Function, call: Call) -> Leaf | None:
        for target in call.targets:
            if target.symbol in self._program.functions or _ASYNC_PARTS & set(re.split("[.:]", target.receiver)):
                continue
            for name in _entered(call, candidates(target, self._program)):
                record = self._catalog.find(name)
                if record is not None:
                    return Leaf(record, self._written(function, call, record, name), _weight(call, record), Grade.EXACT)
        return self._imported(function, call)

    def _imported(self, function: Function, call: Call) -> Leaf | None:
        """A name of another module's that a public one re-exports: `hashlib.pbkdf2_hmac` is defined in `_hashlib`."""
        if call.site is None or any(target.symbol in self._program.functions for target in call.targets):
            return None
        record = self._catalog.exact(self._namer.qualified(function, call.site.text))
        if record is None or record.name.rpartition(".")[2] not in {_bare(target.symbol) for target in call.targets}:
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
        if record is None or (record.name.endswith(".*") and name.rpartition(".")[2] in HARMLESS):
            return None
        return Leaf(record, _shown(record, name), _weight(call, record), Grade.INFERRED)

    def named(self, function: Function, call: Call) -> bool:
        """Whether the text alone says what is called, where the type checker does not."""
        return call.site is not None and bool(self._namer.qualified(function, call.site.text))

    def _harmless(self, function: Function, call: Call, name: str) -> bool:
        site = call.site
        if site is None:
            return False
        return any(rule(self, function, call, name) for rule in self._HARMLESS)

    def _does_not_wait(self, _function: Function, call: Call, name: str) -> bool:
        """`acquire(False)`, `get(block=False)`, `result(timeout=0)`, `wait(0)`."""
        assert call.site is not None
        method = name.rpartition(".")[2]
        spot = _WAITING.get(method)
        if spot is None:
            return False
        flag, flag_at, timeout_at = spot
        flagged = call.site.argument(flag_at, flag)
        timeout = call.site.argument(timeout_at, "timeout")
        return bool((flagged and flagged.text == "False") or (timeout and timeout.text in {"0", "0.0"}))

    def _is_done(self, function: Function, call: Call, name: str) -> bool:
        """`.result()` of what the same function has asked `.done()`, or has just waited for."""
        assert call.site is not None
        receiver, _, method = call.site.text.rpartition(".")
        if method not in {"result", "exception"} or not name.endswith(("Future.result", "Future.exception")):
            return False
        texts = {other.site.text for other in function.calls if other.site is not None}
        return f"{receiver}.done" in texts or any(text.endswith(("as_completed", "wait")) for text in texts)

    def _asks_first(self, function: Function, _call: Call, name: str) -> bool:
        """`asyncio.run` in a function that looks whether a loop runs already."""
        if name.rpartition(".")[2] not in {"run", "run_until_complete"} or not name.startswith(("asyncio.", "uvloop.")):
            return False
        asked = {call.site.text.rpartition(".")[2] for call in function.calls if call.site is not None}
        return bool(asked & {"get_running_loop", "is_running", "_get_running_loop"})

    def _not_taken(self, _function: Function, call: Call, name: str) -> bool:
        """`Executor.map` hands work to the pool; who goes through its results waits for them."""
        assert call.site is not None
        use = call.site.use.partition(":")[0]
        return name.endswith("Executor.map") and use not in {"iterated", "assigned", "returned"}

    def _in_memory(self, function: Function, call: Call, name: str) -> bool:
        """`sqlite3.connect(":memory:")`, `Image.open(BytesIO(data))`, and what is read of an archive made so: no file."""
        assert call.site is not None
        owner, _, method = name.rpartition(".")
        first = call.site.argument(0)
        if name in _OF_A_FILE or (name.endswith((".__init__", ".__new__")) and owner in _OF_A_FILE):
            return first is not None and (first.text == "':memory:'" or self._is_buffer(function, first.text))
        if owner not in _OF_A_FILE or method.startswith("extract"):
            return False
        made = self._made(function, call.site.text.rpartition(".")[0])
        return bool(made) and all(
            (first := site.argument(0)) and self._is_buffer(function, first.text) for site in made
        )

    def _is_buffer(self, function: Function, text: str) -> bool:
        return bool(text) and self._namer.qualified(function, text).rpartition(".")[2].removesuffix("()") in _BUFFERS

    def _made(self, function: Function, receiver: str) -> list[CallSite]:
        """The calls whose value a file gives to a name or an attribute of that name."""
        outline = self._program.outlines[function.path]
        spans = {
            each.span
            for each in outline.assignments
            if each.form == "call" and receiver and each.target.endswith(receiver)
        }
        return [site for site in outline.calls if site.span in spans]

    def _is_fetched(self, _function: Function, call: Call, name: str) -> bool:
        """`feedparser.parse(text)`: only an address or a file is read, and what was awaited or read is a text."""
        first = call.site.argument(0) if call.site is not None else None
        words = {"text", "content", "body", "data", "read()", "text()", "getvalue()"}
        return (
            name == "feedparser.parse"
            and first is not None
            and (first.form == "awaited" or first.text.rpartition(".")[2] in words)
        )

    def _has_transport(self, _function: Function, call: Call, name: str) -> bool:
        """`httpx.AsyncClient(transport=...)` makes no TLS context of its own."""
        assert call.site is not None
        return name in {"httpx.AsyncClient", "httpx.Client"} and call.site.argument(-1, "transport") is not None

    def _has_room(self, function: Function, call: Call, name: str) -> bool:
        """`put` on a queue that was made without a bound never waits."""
        assert call.site is not None
        if not name.endswith("Queue.put"):
            return False
        made = self._made(function, call.site.text.rpartition(".")[0])
        return bool(made) and all(not site.arguments for site in made)

    def _only_makes(self, function: Function, call: Call, name: str) -> bool:
        """`with open(path, "w"): pass` and `open(path, "w").close()` make an entry of a folder, or an empty file."""
        site = call.site
        mode = site.argument(1, "mode") if site is not None else None
        if site is None or mode is None or name != "builtins.open" or mode.text.strip("'")[:1] not in {"w", "x", "a"}:
            return False
        if site.use != "with":
            texts = {each.site.text for each in function.calls if each.site and each.span[:2] == call.span[:2]}
            return f"{site.text}().close" in texts
        outline = self._program.outlines[function.path]
        block = next((block for block in outline.blocks if block.span == call.span), None)
        if block is None:
            return False
        inside = (each for each in outline.calls if block.first_line <= each.span[0] <= block.last_line)
        return all(each.span <= call.span for each in inside)

    _HARMLESS: ClassVar[tuple[Callable[..., bool], ...]] = (
        _does_not_wait,
        _is_done,
        _has_room,
        _asks_first,
        _not_taken,
        _in_memory,
        _is_fetched,
        _has_transport,
    )


_OF_A_FILE = frozenset(
    {"sqlite3.connect", "PIL.Image.open", "zipfile.ZipFile", "pypdf.PdfReader", "PyPDF2.PdfReader", "docx.Document"}
)
"""What works on a file, or on something in memory that is like one."""
_BUFFERS = frozenset({"BytesIO", "StringIO"})
_WAITING = {
    "acquire": ("blocking", 0, 1),
    "get": ("block", 0, 1),
    "put": ("block", 1, 2),
    "result": ("", -1, 0),
    "exception": ("", -1, 0),
    "wait": ("", -1, 0),
    "join": ("", -1, 0),
}
"""Of methods that wait: the flag that says not to, and the positions of the flag and of the time-out."""


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


def _entered(call: Call, names: Iterator[str]) -> Iterator[str]:
    """The names that a call may be known by; what a `with` enters it also leaves, which is where an executor waits."""
    for name in names:
        yield name
        if call.kind == "with-enter":
            yield name.replace(".__enter__", ".__exit__")


def _bare(symbol: str) -> str:
    return symbol.partition("#")[0].rpartition(":")[2].rpartition(".")[2]


def _shown(record: Record, name: str) -> str:
    return record.name if not record.name.endswith(".*") else f"{record.name[:-2]}.{name.rpartition('.')[2]}"


def _weight(call: Call, record: Record) -> Weight:
    """`sleep(0)` only gives other threads a chance."""
    first = call.site.argument(0) if call.site is not None else None
    if record.rule == "UJ101" and first is not None and first.text in {"0", "0.0"}:
        return Weight.MICROSECONDS
    return record.weight
