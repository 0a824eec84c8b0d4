"""Which accusations are one finding: one place by two names, a file and what is read of it, a client or an archive and its calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from unjam.static.accuse import Accusation
from unjam.static.program import Program
from unjam.static.result import Severity

_ARCHIVES = ("shelve.", "tarfile.", "zipfile.")
"""What packs and unpacks, or keeps many things in one file: of a function that does more than one of it, one is enough to tell."""


def merged(accusations: Iterable[Accusation], program: Program) -> list[Accusation]:
    """One accusation for each place and rule, and for what one function does with one file, client or connection.

    The lines of the others are `also`. What an allowance stands at is left alone: it means that line and no other.
    """
    found = _placed(accusations)
    groups: dict[tuple[str, ...], list[Accusation]] = {}
    alone = []
    for accusation in found:
        key = _handled(accusation, program)
        if key:
            groups.setdefault((accusation.function.symbol, accusation.rule, *key), []).append(accusation)
        else:
            alone.append(accusation)
    return [*alone, *(one for group in groups.values() for one in _told(group))]


def _placed(accusations: Iterable[Accusation]) -> list[Accusation]:
    places: dict[tuple[str, int, int, str], Accusation] = {}
    for accusation in accusations:
        key = accusation.function.path, accusation.span[0], accusation.span[1], accusation.rule
        known = places.get(key)
        if known is None or accusation.span > known.span:
            places[key] = accusation
    held = {place[:3] for place in places if place[3] == "UJ204"}
    return [each for place, each in places.items() if not (place[3] == "UJ201" and place[:3] in held)]


def _told(group: list[Accusation]) -> Iterator[Accusation]:
    """A group as one accusation; but each file that is opened is one of its own, and what is read goes with the first."""
    opened = sorted((each for each in group if _opens(each.leaf)), key=lambda each: each.span)
    yield _one([each for each in group if not any(each is other for other in opened[1:])])
    yield from opened[1:]


def _one(group: list[Accusation]) -> Accusation:
    """The worst of a group, of those alike the first, which is mostly where the file is opened or the client made."""
    first = min(group, key=lambda each: (-each.severity, each.span))
    also = {each.line for each in group} | {line for each in group for line in each.also}
    return replace(first, also=tuple(sorted(also - {first.line})))


def _handled(accusation: Accusation, program: Program) -> tuple[str, ...]:
    """What tells the file or the object that a call works on from others of its function; nothing where that is not known."""
    outline = program.outlines[accusation.function.path]
    if (
        accusation.below
        or accusation.severity is Severity.NOTE
        or any(each.line == accusation.line for each in outline.allowances)
    ):
        return ()
    if accusation.rule == "UJ102" and (_opens(accusation.leaf) or _is_file(accusation.leaf)):
        return ("file",)
    if accusation.leaf.startswith(_ARCHIVES):
        return ("archive",)
    owner, _, method = accusation.leaf.removesuffix(".__init__").removesuffix(".__new__").rpartition(".")
    site = next((site for site in outline.calls if site.span == accusation.span), None)
    if site is None or accusation.rule == "UJ201" or owner.startswith("pathlib."):
        return ()  # a lock is told once anyway, and a path is no handle
    if method[:1].isupper():
        name = next((each.target for each in outline.assignments if each.span == accusation.span), "")
        return (f"{owner}.{method}", name) if name else ()
    receiver = site.text.rpartition(".")[0]
    return (owner, receiver) if owner.rpartition(".")[2][:1].isupper() and receiver else ()


def _opens(leaf: str) -> bool:
    return leaf in {"builtins.open", "io.open", "pathlib.Path.open", "os.fdopen"}


def _is_file(leaf: str) -> bool:
    return leaf.startswith(("_io.", "io.", "typing.IO", "typing.TextIO", "typing.BinaryIO"))
