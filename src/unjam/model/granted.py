"""Allowances as they are written in source, apart from `allowances` because reading source needs a parser."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from unjam.model.allowances import comment_in

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_NAMES = frozenset({"unjam.allow", "allow"})


@dataclass(frozen=True, slots=True)
class Granted:
    """One allowance: the lines that it holds for, where it stands, its codes, its reason, its end (ISO, "" for none)."""

    first: int
    last: int
    line: int
    codes: tuple[str, ...]
    reason: str
    until: str


def granted_in(tree: ast.AST, lines: Sequence[str]) -> list[Granted]:
    """All allowances of a file: comments at lines and at `def`, blocks, decorators. Codes and words must be literals."""
    spans = {node.lineno: node.end_lineno or node.lineno for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)}
    found = [
        Granted(number, spans.get(number, number), number, comment.codes, comment.reason, comment.until)
        for number, line in enumerate(lines, 1)
        if (comment := comment_in(line))
    ]
    return [*found, *blocks_in(tree)]


def blocks_in(tree: ast.AST) -> Iterator[Granted]:
    """Those that are code: `with unjam.allow(...)` and `@unjam.allow(...)`."""
    for node in ast.walk(tree):
        for call in _used_by(node):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in _NAMES:
                words = {word.arg: word.value.value for word in call.keywords if isinstance(word.value, ast.Constant)}
                codes = tuple(str(part.value) for part in call.args if isinstance(part, ast.Constant))
                if any(code.startswith("UJ") for code in codes):  # others have functions of that name, too
                    last = getattr(node, "end_lineno", None) or call.lineno
                    reason, until = (str(words.get(word) or "") for word in ("reason", "until"))
                    yield Granted(call.lineno, last, call.lineno, codes, reason, until)


def _used_by(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, _FUNCTIONS):
        return node.decorator_list
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return [item.context_expr for item in node.items]
    return []
