"""Reads one file into its Outline: what the type checker's facts do not say (async, await, lambdas, `with`, comments)."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator

from unjam.model.allowances import comment_in
from unjam.model.granted import blocks_in
from unjam.static.newer import older_spelling
from unjam.static.source import Allowance, Outline, Scope
from unjam.static.walker import Walker

_NOQA = re.compile(r"#\s*noqa(?::\s*((?:[A-Z]+[0-9]+[,\s]*)+))?\s*(?:-\s*(.*))?", re.IGNORECASE)
_ASYNC_DEF = re.compile(r"^(\s*)(async\s+)?def\s+(\w+)")


def outline(path: str, text: str) -> Outline:
    """The outline of a file; where it does not parse, that of its `def` lines, with the problem named."""
    result = Outline(path, lines=text.count("\n") + 1, allowances=list(_allowances(text)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = _parsed(text)
        Walker(result).module(tree)
        if "allow" in text:
            result.allowances.extend(
                Allowance(each.line, each.codes, each.reason, "block", each.last, each.until)
                for each in blocks_in(tree)
            )
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        result = Outline(path, result.lines, f"cannot be parsed: {reason}", allowances=result.allowances)
        result.scopes.extend(_def_lines(text))
    return result


def _parsed(text: str) -> ast.Module:
    """The syntax tree; newer grammar that has an older spelling on the same lines and columns is read by older Pythons too."""
    try:
        return ast.parse(text)
    except SyntaxError:
        older = older_spelling(text)
        if older == text:
            raise
        return ast.parse(older)


def _allowances(text: str) -> Iterator[Allowance]:
    if "noqa" not in text and "unjam" not in text:
        return
    for number, line in enumerate(text.splitlines(), 1):
        if "#" not in line:
            continue
        if comment := comment_in(line):
            yield Allowance(number, comment.codes, comment.reason, "allow", until=comment.until)
        elif match := _NOQA.search(line):
            yield Allowance(number, tuple(re.findall(r"[A-Z]+[0-9]+", match[1] or "")), match[2] or "", "noqa")


def _def_lines(text: str) -> Iterator[Scope]:
    yield Scope("", 0, (0, 0, 0, 0), "module", -1, "", (), ())
    for number, line in enumerate(text.splitlines(), 1):
        if match := _ASYNC_DEF.match(line):
            kind = "coroutine" if match[2] else "function"
            yield Scope(match[3], number, (number, 1, number, 1), kind, 0, "", (), ())
