"""Which `await` every round of a loop passes: read from its source, so that a round that was seen to pass is an await that did not suspend.

Seen twice at one instruction of a loop, a coroutine has gone round it in between, unless a loop within it did. Each such round has passed what
stands before the instruction in its own block and in the blocks around it, and, where nothing jumps, what stands after it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import TypeAlias

Await: TypeAlias = ast.Await | ast.AsyncFor | ast.AsyncWith
LONGEST_TEXT = 60
"""Characters of an expression that is shown as code."""
_AWAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_JUMPS = (ast.Break, ast.Continue, ast.Try)
_DEFERRED = (ast.Lambda, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
"""What stands in these is executed at another time, or never."""
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def passed_await(around: Sequence[ast.AST]) -> Await | None:
    """The await that lies on each way from an instruction back to itself, as long as its function runs; None where none is certain to.

    `around` is the instruction's node and all that hold it, innermost first, up to its function.
    """
    number = next((number for number, each in enumerate(around) if isinstance(each, (*_LOOPS, *_COMPREHENSIONS))), None)
    if number is None:
        return None
    loop, within = around[number], around[:number]
    if not within or not _is_in_round(loop, within[-1]):
        return None
    if isinstance(loop, _COMPREHENSIONS):
        return next(_expression(within[-1]), None)
    if isinstance(loop, ast.AsyncFor):
        return loop
    return next(chain(_before(loop, within), _after(loop, within, around[number + 1 :])), None)


def is_alike(around: Sequence[ast.AST]) -> bool:
    """Whether an instruction is in a `while` loop that gives no name a value: then no local variable tells one round from the next."""
    number = next((number for number, each in enumerate(around) if isinstance(each, (*_LOOPS, *_COMPREHENSIONS))), 0)
    loop, within = (around[number], around[:number]) if number else (None, ())
    if not isinstance(loop, ast.While) or not _is_in_round(loop, within[-1]):
        return False
    return not any(isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) for each in ast.walk(loop))


def awaited(node: Await) -> str:
    """What an await waits for, as it stands in the source: the function of a call without its arguments."""
    made = (
        node.value
        if isinstance(node, ast.Await)
        else node.iter
        if isinstance(node, ast.AsyncFor)
        else node.items[0].context_expr
    )
    text = " ".join(ast.unparse(made.func if isinstance(made, ast.Call) else made).split())
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _is_in_round(loop: ast.AST, child: ast.AST) -> bool:
    """Whether that child of a loop belongs to each round: its body, the test of a `while`, what a comprehension makes."""
    made = (getattr(loop, name, None) for name in ("test", "elt", "key", "value"))
    return child in getattr(loop, "body", ()) or any(child is each for each in made)


def _before(loop: ast.AST, within: Sequence[ast.AST]) -> Iterator[Await]:
    """What a round passes before it comes to the instruction, or while it executes it."""
    holders = (loop, *reversed(within))
    yield from _expression(getattr(loop, "test", None))
    for holder, child in pairwise(holders):
        if holder is not loop:
            yield from _header(holder)
        yield from _passed_by(_siblings_before(holder, child))
    # Of the instruction itself, and of the statement around it, what is evaluated first may already lie behind: it is passed all the same.
    statement = next((each for each in within if isinstance(each, ast.stmt)), None)
    if statement is not None:
        yield from _header(statement)


def _after(loop: ast.AST, within: Sequence[ast.AST], outside: Sequence[ast.AST]) -> Iterator[Await]:
    """What a round passes after the instruction, where nothing can make it leave before."""
    if any(isinstance(each, (ast.Try, *_LOOPS)) for each in (*within, *outside)):
        return
    behind: list[ast.stmt] = []
    for holder, child in zip(within[1:], within, strict=False):
        behind += _siblings_after(holder, child)
    behind += _siblings_after(loop, within[-1])
    for statement in behind:
        if any(isinstance(each, _JUMPS) for each in ast.walk(statement)):
            return
        yield from _passed_by([statement])


def _block_of(holder: ast.AST, child: ast.AST) -> list[ast.stmt]:
    blocks = (getattr(holder, name, None) for name in ("body", "orelse", "finalbody"))
    return next((block for block in blocks if isinstance(block, list) and child in block), [])


def _siblings_before(holder: ast.AST, child: ast.AST) -> list[ast.stmt]:
    block = _block_of(holder, child)
    return block[: block.index(child)] if isinstance(child, ast.stmt) and child in block else []


def _siblings_after(holder: ast.AST, child: ast.AST) -> list[ast.stmt]:
    block = _block_of(holder, child)
    return block[block.index(child) + 1 :] if isinstance(child, ast.stmt) and child in block else []


def _passed_by(statements: Iterable[ast.stmt]) -> Iterator[Await]:
    """The awaits that these statements pass whatever happens, short of an exception."""
    for statement in statements:
        yield from _header(statement)
        if isinstance(statement, (ast.With, ast.AsyncWith)):
            yield from _passed_by(statement.body)


def _header(statement: ast.AST) -> Iterator[Await]:
    """The awaits of a statement that it passes before any of its blocks."""
    if isinstance(statement, ast.AsyncWith):
        yield statement
    elif isinstance(statement, (ast.If, ast.While)):
        yield from _expression(statement.test)
    elif isinstance(statement, ast.For):
        yield from _expression(statement.iter)
    elif isinstance(statement, ast.AsyncFor):
        yield statement
    elif isinstance(statement, ast.With):
        for item in statement.items:
            yield from _expression(item.context_expr)
    elif isinstance(statement, ast.stmt) and not isinstance(statement, (ast.Try, ast.Match, *_DEFERRED)):
        yield from _expression(statement)


def _expression(node: ast.AST | None) -> Iterator[Await]:
    """The awaits that an expression passes whatever its values are."""
    if node is None or isinstance(node, (*_DEFERRED, *_COMPREHENSIONS)):
        return
    if isinstance(node, _AWAITS):
        yield node
    for child in _certain(node):
        yield from _expression(child)


def _certain(node: ast.AST) -> Iterable[ast.AST]:
    """Those parts of a node that are evaluated whenever it is."""
    if isinstance(node, ast.IfExp):
        return [node.test]
    if isinstance(node, ast.BoolOp):
        return node.values[:1]
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators[:1]]
    if isinstance(node, ast.Assert):
        return [node.test]
    return ast.iter_child_nodes(node)
