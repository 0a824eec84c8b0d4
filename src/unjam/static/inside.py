"""What blocks: the leaf that a call is, and the leaves that the functions of installed packages lead to inside."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeVar

from unjam.knowledge.records import Call as Record
from unjam.knowledge.records import Weight
from unjam.model.findings import Grade, Link

_Value = TypeVar("_Value")
_DEEPEST = 4
"""Methods that call methods of their own which a class below replaces, one after the other."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A call that blocks: the record that says so, the name to show, and how sure the match is."""

    record: Record
    name: str
    weight: Weight
    grade: Grade
    below: tuple[Link, ...] = ()
    """The way through a package, from the function that the user calls down to the leaf."""


Hook = tuple[str, Link]
"""The name of a method that a method calls on its own instance, and where."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What packages do inside, by the symbols of their functions (`module:Class.name`).

    A function has a leaf or, where it blocks by itself nowhere, hooks: which of them block depends on the class of `self`.
    """

    leaves: dict[str, Leaf] = field(default_factory=dict)
    hooks: dict[str, tuple[Hook, ...]] = field(default_factory=dict)
    bases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The bases of each class of the packages, in resolution order."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Files of the packages that we could not cope with, by path, and why."""

    def add(self, other: Inside) -> None:
        """Add what other packages do."""
        self.leaves.update(other.leaves)
        self.hooks.update(other.hooks)
        self.bases.update(other.bases)
        self.skipped.update(other.skipped)

    def of(self, top: str, files: tuple[str, ...]) -> Inside:
        """What the package of that top-level name and those files does."""
        skipped = {file: self.skipped[file] for file in files if file in self.skipped}
        return Inside(_below(self.leaves, top), _below(self.hooks, top), _below(self.bases, top), skipped)

    def leaf(self, symbol: str, classes: tuple[str, ...], depth: int = 0) -> Leaf | None:
        """The leaf that a function leads to, called on an instance of the first of `classes`, which are in resolution order."""
        found = self.leaves.get(symbol)
        if found is not None or depth > _DEEPEST:
            return found
        for method, link in self.hooks.get(symbol, ()):
            inside = self.method(method, classes, depth)
            if inside is not None:
                return replace(inside, grade=Grade.INFERRED, below=(link, *inside.below))
        return None

    def method(self, method: str, classes: tuple[str, ...], depth: int = 0) -> Leaf | None:
        """The same of the method of that name on such an instance."""
        for owner in classes:
            symbol = f"{owner}.{method}"
            if symbol in self.leaves or symbol in self.hooks:
                return self.leaf(symbol, classes, depth + 1)
        return None


def _below(known: dict[str, _Value], top: str) -> dict[str, _Value]:
    return {symbol: value for symbol, value in known.items() if _top(symbol) == top}


def _top(symbol: str) -> str:
    return symbol.partition(":")[0].partition(".")[0]
