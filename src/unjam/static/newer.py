"""Newer grammar in an older spelling: a project may be written for a later Python than the one that reads it.

Every line and column stays where it is, as the type checker's facts are joined by them.
"""

from __future__ import annotations

import re

_BARE_EXCEPT = re.compile(r"^(\s*except\*?\s+)([\w.]+(?:\s*,\s*[\w.]+)+)(\s*:)", re.MULTILINE)
"""`except A, B:` (PEP 758, Python 3.14)."""
_PARAMETERS = re.compile(r"^[ \t]*(?:(?:async[ \t]+)?def|class|type)[ \t]+\w+[ \t]*(?=\[)", re.MULTILINE)
"""What type parameters follow: `def f[T](...)`, `class A[T]:`, `type X[T] = ...` (PEP 695, Python 3.12)."""
_ALIAS = re.compile(r"^([ \t]*)type[ \t]+(\w+)([ \t]*=)", re.MULTILINE)
"""`type X = ...` (PEP 695)."""


def older_spelling(text: str) -> str:
    """The text with the newer forms rewritten; the same text where there are none."""
    text = _BARE_EXCEPT.sub(r"\1(\2)\3", text)
    pieces, end = [], 0
    for found in _PARAMETERS.finditer(text):
        if found.end() >= end:
            close = _closing(text, found.end())
            pieces += [text[end : found.end()], _blank(text[found.end() : close])]
            end = close
    return _ALIAS.sub(lambda found: f"{found[1]}{found[2]}     {found[3]}", "".join([*pieces, text[end:]]))


def _closing(text: str, start: int) -> int:
    """The place behind the bracket that closes the one at `start`."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"[": 1, "]": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    return start


def _blank(parameters: str) -> str:
    """Spaces of the same length; a line that ends inside goes on behind a backslash."""
    return "\n".join(" " * len(line) for line in parameters.split("\n")).replace(" \n", "\\\n")
