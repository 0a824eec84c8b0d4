"""What a wrong word was meant to be, for every sentence that refuses one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

NEAR = 0.5
"""Likeness from which on a word is taken for a typing error of another; below, the hint would be a guess."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that refuses a word: `, did you mean run?`, or nothing where none is near."""
    likeness, best = max((_likeness(word.lower(), name.lower()), name) for name in known)
    return f", did you mean {best}?" if likeness[0] >= NEAR else ""


def _likeness(word: str, name: str) -> tuple[float, bool, int]:
    """How like two words are; of equally near ones, first that with letters swapped, then that with the same beginning."""
    import difflib  # here: a command that is typed right never needs it

    same = takewhile(lambda pair: pair[0] == pair[1], zip(word, name, strict=False))
    return difflib.SequenceMatcher(None, word, name).ratio(), sorted(word) == sorted(name), len(list(same))
