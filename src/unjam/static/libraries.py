"""What installed packages do inside: which of their functions block, and by which way.

A package's bodies cost ten times what a project costs, so its summary is made once for each installed version, kept in the
user's cache, and looked up by qualified name. A record of the knowledge base always goes before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from unjam import __version__
from unjam.knowledge.records import Weight
from unjam.model.findings import Grade, Link
from unjam.static import cache
from unjam.static.checker import Request, Run
from unjam.static.effects import Effects
from unjam.static.facts import facts_of
from unjam.static.inside import Hook, Inside, Leaf
from unjam.static.leaves import Catalog, Leaves
from unjam.static.names import Namer
from unjam.static.outline import outline
from unjam.static.program import Function, joined
from unjam.static.project import failed, text_of
from unjam.static.reach import Reach
from unjam.static.source import Outline

_SECONDS_PER_BYTE = 4e-6
"""Of source in packages, on one free core: some 0.15 s for a thousand lines."""
LARGEST = 12_000_000
"""Bytes of source in one package: larger ones (torch, sympy) would take minutes, and their blocking calls have records."""
_PART = 2_500_000
"""Bytes of source read in one go, unless one package alone has more: some ten seconds, of which one is the start."""
_DEEPEST = 8
"""Calls between a package's function and the leaf: a longer way goes through options and plug-ins that are rarely taken."""
_RULES = frozenset({"UJ101", "UJ102", "UJ103", "UJ104", "UJ105", "UJ106", "UJ107", "UJ109"})
"""What counts inside a package: its locks, its logging and its arithmetic are its own business."""
_KEPT = 400
"""Summaries kept: those of some environments."""


@dataclass(frozen=True, slots=True)
class _Package:
    """One installed package that has no summary yet; `size` in bytes of source."""

    top: str
    key: str
    files: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class _Environment:
    """What reading a package depends on beside its files."""

    sites: tuple[str, ...]
    python_version: str
    catalog: Catalog


def summaries(
    tops: Iterable[str], sites: tuple[str, ...], python_version: str, catalog: Catalog, say: Callable[[str], None]
) -> tuple[Inside, dict[str, str]]:
    """What the packages with those top-level names do inside, and why some of them or of their files are skipped.

    Those that are not known yet are read now, and kept part by part.
    """
    found = Inside()
    unread: dict[str, str] = {}
    missing: list[_Package] = []
    for top in sorted(set(tops)):
        files = _files(top, sites)
        size = sum(Path(file).stat().st_size for file in files)
        if size > LARGEST:
            unread[top] = "too large to be read"
            continue
        key = _key(top, files, sites, python_version)
        kept: Inside | None = cache.load("libraries", key)
        if kept is not None:
            found.add(kept)
        elif files:
            missing.append(_Package(top, key, files, size))
    missing.sort(key=lambda package: (package.size, package.top))
    done = 0
    started = time.monotonic()
    for part in _parts(missing):
        say(_announced(missing, done, part, time.monotonic() - started))
        unread |= _add(found, part, _Environment(sites, python_version, catalog))
        done += len(part)
    return found, unread | {_shown(file, sites): why for file, why in found.skipped.items()}


def _shown(file: str, sites: tuple[str, ...]) -> str:
    return next((file.removeprefix(f"{site}/") for site in sites if file.startswith(f"{site}/")), file)


def _add(found: Inside, part: list[_Package], environment: _Environment) -> dict[str, str]:
    """Read those packages, and say why some are skipped: where one of several cannot be read, each is read by itself."""
    try:
        found.add(_read(part, environment))
    except Exception as error:  # noqa: BLE001  what is odd in one package must not cost the project's check
        if len(part) == 1:
            return {part[0].top: failed(error)}
        alone = (_add(found, [package], environment) for package in part)
        return {top: reason for each in alone for top, reason in each.items()}
    return {}


def _parts(missing: list[_Package]) -> Iterator[list[_Package]]:
    """Packages that are read in one go, the smallest first: who gives up in the middle has the others kept."""
    part: list[_Package] = []
    for package in missing:
        if part and sum(each.size for each in part) + package.size > _PART:
            yield part
            part = []
        part.append(package)
    if part:
        yield part


def _read(part: list[_Package], environment: _Environment) -> Inside:
    made = _made([file for package in part for file in package.files], environment)
    for package in part:
        cache.save("libraries", package.key, made.of(package.top, package.files), kept=_KEPT)
    return made


def _announced(missing: list[_Package], done: int, part: list[_Package], spent: float) -> str:
    """What is being read, and how long the rest takes at the pace of what took `spent` seconds, where that was enough to tell."""
    names = ", ".join(package.top for package in part)
    before = sum(package.size for package in missing[:done])
    pace = spent / before if before >= _PART / 2 else _SECONDS_PER_BYTE
    seconds = max(round(sum(package.size for package in missing[done:]) * pace), 1)
    count = f"{len(part)} of {len(missing)} installed packages" if len(missing) > 1 else "1 installed package"
    return f"reading {count} ({names}) once; about {seconds} s are left, and --no-libs leaves them out"


def _files(top: str, sites: tuple[str, ...]) -> tuple[str, ...]:
    for site in sites:
        package, module = Path(site, top), Path(site, f"{top}.py")
        if package.is_dir():
            files = package.rglob("*.py")
            return tuple(str(file) for file in files if not {"tests", "test", "testing"} & set(file.parts))
        if module.is_file():
            return (str(module),)
    return ()


def _key(top: str, files: tuple[str, ...], sites: tuple[str, ...], python_version: str) -> str:
    states = sorted((file, Path(file).stat().st_size, Path(file).stat().st_mtime_ns) for file in files)
    named = sorted(path.name for site in sites for path in Path(site).glob(f"{top}*.dist-info"))
    return cache.digest(__version__, *cache.own_version(), top, named, states, python_version)


def _made(files: list[str], environment: _Environment) -> Inside:
    sites = environment.sites
    run = Run(Request(tuple(files), sites, sites, environment.python_version))
    try:
        outlines, skipped = _outlines(files)
        program = joined(facts_of(run), outlines)
    finally:
        run.close()
    namer = Namer(program, shared=False)
    search = _Search(
        Reach(program, Effects(program, namer), namer, {}),
        Leaves(program, environment.catalog, namer),
        program.functions,
    )
    classes = (module.classes for module in program.facts.modules.values())
    bases = {symbol: fact.bases for each in classes for symbol, fact in each.items()}
    return Inside(dict(search.all()), dict(search.hooks()), bases, skipped | program.skipped)


def _outlines(files: list[str]) -> tuple[dict[str, Outline], dict[str, str]]:
    outlines: dict[str, Outline] = {}
    skipped: dict[str, str] = {}
    for file in files:
        try:
            outlines[file] = outline(file, text_of(file))
        except (OSError, SyntaxError, UnicodeDecodeError):
            continue  # a broken file of a package is not the user's business, and blocks nobody
        except Exception as error:  # noqa: BLE001  what is odd in one file must not cost the others
            skipped[file] = failed(error)
    return outlines, skipped


class _Search:
    """The way from each function of a program to the nearest leaf in it."""

    def __init__(self, reach: Reach, leaves: Leaves, functions: Mapping[str, Function]) -> None:
        self._reach = reach
        self._leaves = leaves
        self._functions = functions
        self._known: dict[str, Leaf | None] = {}

    def all(self) -> Iterator[tuple[str, Leaf]]:
        """The functions that callers can name, with what they do inside; a coroutine's body is the package's own fault."""
        for symbol, function in self._functions.items():
            if function.scope.kind in {"function", "generator"} and ".<lambda>" not in symbol:
                inside = self._search(symbol, 0)
                if inside is not None:
                    yield symbol, inside

    def hooks(self) -> Iterator[tuple[str, tuple[Hook, ...]]]:
        """Methods that lead to no leaf by themselves: what they call on their own instance, where that may be replaced.

        One that replaces a base's method is told also where it calls nothing, as it hides what the base's does.
        """
        for symbol, function in self._functions.items():
            if function.fact is None or not function.fact.owner or self._known.get(symbol) is not None:
                continue
            called = () if function.scope.is_async else tuple(self._hooks(function))
            if called or function.fact.overrides:
                yield symbol, called

    def _hooks(self, function: Function) -> Iterator[Hook]:
        for call in function.calls:
            owner, _, name = call.site.text.rpartition(".") if call.site is not None else ("", "", "")
            if owner in {"self", "cls"} and call.targets and call.site is not None and not call.site.once:
                yield name, Link(function.path, call.span[0], function.name, "library")

    def _search(self, symbol: str, depth: int) -> Leaf | None:
        if symbol in self._known or depth > _DEEPEST:
            return self._known.get(symbol)
        self._known[symbol] = None
        function = self._functions[symbol]
        self._known[symbol] = self._own(function) or self._deeper(function, depth)
        return self._known[symbol]

    def _own(self, function: Function) -> Leaf | None:
        for call in function.calls:
            leaf = self._leaves.leaf(function, call)
            counts = leaf is not None and leaf.record.rule in _RULES and leaf.weight is not Weight.MICROSECONDS
            if leaf is not None and counts and not (call.site is not None and call.site.once):
                return _at(function, call.span[0], replace(leaf, grade=Grade.INFERRED, below=()))
        return None

    def _deeper(self, function: Function, depth: int) -> Leaf | None:
        for edge in self._reach.edges(function):
            if edge.grade is Grade.EXACT and not edge.once and not self._functions[edge.callee].scope.is_async:
                inside = self._search(edge.callee, depth + 1)
                if inside is not None and len(inside.below) < _DEEPEST:
                    return _at(function, edge.line, inside)
        return None


def _at(function: Function, line: int, leaf: Leaf) -> Leaf:
    """The leaf with one more link above the way down to it."""
    return replace(leaf, below=(Link(function.path, line, function.name, "library"), *leaf.below))
