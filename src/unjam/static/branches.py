"""What must have been so where a statement is reached: by the conditions around it, and by those that have been left before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from unjam.static.facts import Span
from unjam.static.source import Branch
from unjam.static.written import dotted

OFF_LOOP = "not get_running_loop()"
"""What is said where `asyncio.get_running_loop()` has raised: no loop runs in this thread."""

FORKS = frozenset({ast.If, ast.While, ast.For, ast.AsyncFor, ast.Try, ast.TryStar, ast.Match})
"""Statements after which not all of what they contain has run."""

_Found: TypeAlias = Iterator[tuple[Sequence[ast.stmt], tuple[str, ...]]]
"""Statements that run under a condition, and what is so there."""


def branches(node: ast.AST, after: Sequence[ast.stmt], scope: int) -> Iterator[Branch]:
    """The branches of a statement of a function, and what comes `after` it as far as that says more."""
    for statements, said in _found(node, after):
        if statements:
            yield Branch(_whole(statements), scope, said)


def _found(node: ast.AST, after: Sequence[ast.stmt]) -> _Found:
    if isinstance(node, ast.If):
        return _of_if(node, after)
    if isinstance(node, ast.While):
        return _of_while(node, after)
    if isinstance(node, (ast.Try, ast.TryStar)):
        return _of_try(node, after)
    cases = [case.body for case in node.cases] if isinstance(node, ast.Match) else []
    loops = [node.body, node.orelse] if isinstance(node, (ast.For, ast.AsyncFor)) else []
    return ((body, ()) for body in (*cases, *loops))


def _of_if(node: ast.If, after: Sequence[ast.stmt]) -> _Found:
    yield node.body, tuple(_said(node.test, holds=True))
    yield node.orelse, tuple(_said(node.test, holds=False))
    if _leaves(node.body) != _leaves(node.orelse):
        yield after, tuple(_said(node.test, holds=_leaves(node.orelse)))


def _of_while(node: ast.While, after: Sequence[ast.stmt]) -> _Found:
    yield node.body, tuple(_said(node.test, holds=True))
    yield node.orelse, ()
    if not _breaks(node.body):
        yield after, tuple(_said(node.test, holds=False))


def _of_try(node: ast.Try | ast.TryStar, after: Sequence[ast.stmt]) -> _Found:
    caught = [_catches_no_loop(handler) for handler in node.handlers]
    asks = _asks_for_the_loop(node.body)
    if node.finalbody or not all(_leaves(handler.body) for handler in node.handlers):
        yield node.body, ()  # it may be left in between
    for handler, no_loop in zip(node.handlers, caught, strict=True):
        yield handler.body, (OFF_LOOP,) if asks and no_loop else ()
    yield node.orelse, ()
    if asks and caught and all(caught) and (_leaves(node.body) or _leaves(node.orelse)):
        yield after, (OFF_LOOP,)


def _asks_for_the_loop(body: Sequence[ast.stmt]) -> bool:
    """Whether the only thing that a `try` does is to ask for the running loop: then it is told of nothing else."""
    first, *others = body
    asked = first.value if isinstance(first, (ast.Assign, ast.Expr, ast.Return)) else None
    is_question = isinstance(asked, ast.Call) and dotted(asked).rpartition(".")[2] == "get_running_loop()"
    return is_question and not any(
        isinstance(each, (ast.Call, ast.Await, ast.Raise)) for other in others for each in ast.walk(other)
    )


def _catches_no_loop(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or dotted(handler.type) in {"RuntimeError", "Exception"}


def _said(test: ast.expr, *, holds: bool) -> Iterator[str]:
    """What is so where a test holds, or does not: `x`, `not x`, `x is None`, `x is not None`."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from _said(test.operand, holds=not holds)
    elif isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.And) == holds:
            for value in test.values:
                yield from _said(value, holds=holds)
    elif isinstance(test, ast.Compare):
        if _is_none(test.comparators[0]) and isinstance(test.ops[0], (ast.Is, ast.IsNot)) and dotted(test.left):
            is_none = isinstance(test.ops[0], ast.Is) == holds
            yield f"{dotted(test.left)} is {'' if is_none else 'not '}None"
    elif text := dotted(test):
        yield text if holds else f"not {text}"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _leaves(body: Sequence[ast.stmt]) -> bool:
    """Whether nothing after these statements is reached from them."""
    last = body[-1] if body else None
    if isinstance(last, ast.If):
        return _leaves(last.body) and _leaves(last.orelse)
    return isinstance(last, (ast.Return, ast.Raise, ast.Continue, ast.Break))


def _breaks(body: Sequence[ast.AST]) -> bool:
    """Whether a `break` of the loop is among its statements."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Break):
            return True
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            waiting.extend(node.orelse)  # a `break` inside is its own
        elif isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            waiting.extend(ast.iter_child_nodes(node))
    return False


def _whole(statements: Sequence[ast.stmt]) -> Span:
    first, last = statements[0], statements[-1]
    return first.lineno, first.col_offset + 1, last.end_lineno or 0, (last.end_col_offset or 0) + 1
