"""One file of source as diagnosis reads it: which call an instruction is, by position, and under what name that call is known."""

from __future__ import annotations

import ast
import builtins
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from unjam.diagnosis.parsing import Parsed, first_line
from unjam.knowledge.types import OPENING, RETURNS, file_type
from unjam.model.stacks import Frame

Scope: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda | ast.Module
Position: TypeAlias = tuple[int, int, int, int]

LONGEST_TEXT = 60
"""Characters of an expression that is shown as code."""
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LITERALS: dict[type, str] = {
    ast.List: "list",
    ast.ListComp: "list",
    ast.Dict: "dict",
    ast.Set: "set",
    ast.JoinedStr: "str",
}


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a frame was executing: `name` is qualified as far as that is known, `resolved` says whether it is to be trusted.

    `calls` says that it is a call (entering a context is one), `text` is the code itself, shortened. `in_loop` says that it lies inside a loop of its own function, `awaits` that it is (or
    lies in) an await, `frees` that it gives a name another value, or none, which frees what the name held. `context` is the type, or the
    code, of what a `with` at that place enters and leaves, which is executed there, too.
    """

    name: str
    resolved: bool
    calls: bool
    text: str
    in_loop: bool
    awaits: bool
    context: str = ""
    frees: bool = False


class Module:
    """One file: its nodes by position, and who encloses whom, as far as somebody has asked.

    Reading the whole of a long file takes some ten milliseconds, and so does going through a long class: what is asked concerns one
    line and what its names mean, so that only what holds this line, or one that mentions such a name, is looked at.
    Every method raises CutWrong where a piece of the file is no Python by itself.
    """

    def __init__(self, parsed: Parsed) -> None:
        self._parsed = parsed
        self._root = ast.Module([], [])
        """Stands for the file as a scope; its statements are with `_parsed`."""
        self._parents: dict[ast.AST, ast.AST] = {}
        self._at: dict[Position, ast.AST] = {}
        self._by_line: dict[int, list[ast.Call]] = {}
        self._known: set[int] = set()

    def _know(self, line: int) -> None:
        """Enter the nodes of that line and all that hold them."""
        if line in self._known:
            return
        self._known.add(line)
        for statement in self._parsed.at(line):
            self._parents[statement] = self._root
            self._enter(statement, (line,))

    def _enter(self, statement: ast.stmt, line: tuple[int]) -> None:
        waiting: deque[ast.AST] = deque([statement])
        while waiting:
            parent = waiting.popleft()
            for child in ast.iter_child_nodes(parent):
                if _holds(child, line):
                    self._parents[child] = parent
                    waiting.append(child)
            if isinstance(parent, (ast.expr, ast.Import, ast.ImportFrom, ast.With, ast.For)):
                self._note(parent)

    def _note(self, node: ast.expr | ast.stmt) -> None:
        end = (node.end_lineno or 0, node.end_col_offset or 0)
        # Of two nodes at one place the outer one comes first: a lone call in an await is inside, so it wins.
        self._at[node.lineno, node.col_offset, *end] = node
        if not isinstance(node, ast.Call):
            return
        calls = self._by_line.setdefault(node.lineno, [])
        if node not in calls:
            calls.append(node)
        if isinstance(node.func, ast.Attribute):
            # A method call over several lines is placed at the method's name (Python/compile.c, update_start_location_to_match_attr).
            line, column = node.func.end_lineno or 0, (node.func.end_col_offset or 0) - len(node.func.attr.encode())
            self._at.setdefault((line, column, *end), node)

    def instruction(self, frame: Frame) -> Instruction | None:
        """What a frame was executing; None where there is no node at its place."""
        node = self._node(frame)
        if node is None:
            return None
        name, resolved = self._described(node)
        context = self._context(node)
        return Instruction(
            name,
            resolved,
            isinstance(node, (ast.Call, ast.With)) or isinstance(self._parents.get(node), ast.withitem),
            _code(node),
            self._inside(node, _LOOPS),
            self._inside(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)),
            (self._type_of(context) or _code(context)) if context else "",
            isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load),
        )

    def around(self, frame: Frame) -> tuple[ast.AST, ...]:
        """The node that a frame was executing and all that hold it, innermost first, up to its function."""
        node = self._node(frame)
        if node is None:
            return ()
        outer = list(self._ancestors(node))
        end = next((number for number, each in enumerate(outer) if isinstance(each, _SCOPES)), len(outer))
        return (node, *outer[: end + 1])

    def mentioned(self, line: int, name: str) -> str:
        """As Sources.mentioned; "" where no call of that line mentions it."""
        self._know(line)
        for call in self._by_line.get(line, ()):
            for each in ast.walk(call):
                if isinstance(each, (ast.Name, ast.Attribute)):
                    qualified = self._imported_path(each)
                    if qualified.rpartition(".")[2] == name.rpartition(".")[2] and "." in qualified:
                        return qualified
        return ""

    def _node(self, frame: Frame) -> ast.AST | None:
        self._know(frame.line)
        if frame.column >= 0:
            return self._at.get((frame.line, frame.column, frame.end_line or frame.line, frame.end_column))
        calls = self._by_line.get(frame.line, [])
        return calls[0] if len(calls) == 1 else None

    def _inside(self, node: ast.AST, kinds: tuple[type[ast.AST], ...]) -> bool:
        """Whether the node is, or lies in, one of these within its own function."""
        for each in (node, *self._ancestors(node)):
            if isinstance(each, kinds):
                return True
            if isinstance(each, _SCOPES):
                return False
        return False

    def _ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        if node not in self._parents:
            self._know(getattr(node, "lineno", 0))
        while (parent := self._parents.get(node)) is not None:
            yield parent
            node = parent

    def _described(self, node: ast.AST) -> tuple[str, bool]:
        parent = self._parents.get(node)
        if isinstance(node, ast.Call):
            name = self._qualified(node.func)
            return (name, True) if name else (_code(node.func), False)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = getattr(node, "module", None) or node.names[0].name
            return f"import {module}", True
        context = self._context(node)
        if context is not None:
            name = self._type_of(context)
            return (f"{name}.__enter__", True) if name else (f"{_code(context)}.__enter__", False)
        # Taking the next item lies at the statement up to Python 3.12, at the expression from 3.13.
        if isinstance(node, ast.For):
            return self._described(node.iter)
        if isinstance(parent, (ast.For, ast.comprehension)) and node is parent.iter:
            name = self._type_of(parent.iter)
            return (f"{name}.__next__", True) if name else (_code(node), False)
        return _code(node), False

    def _context(self, node: ast.AST) -> ast.expr | None:
        """What is entered and left at a node; both lie at the statement up to Python 3.12, at the expression from 3.13."""
        if isinstance(node, ast.With):
            return node.items[0].context_expr
        return node if isinstance(node, ast.expr) and isinstance(self._parents.get(node), ast.withitem) else None

    def _qualified(self, func: ast.expr) -> str:
        """The qualified name of what is called, "" where it is not known."""
        if isinstance(func, ast.Name):
            return self._imported(func) or self._builtin(func)
        if isinstance(func, ast.Attribute):
            owner = self._imported_path(func.value) or self._type_of(func.value)
            return f"{owner}.{func.attr}" if owner else ""
        return ""

    def _imported_path(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return self._imported(node)
        if isinstance(node, ast.Attribute):
            owner = self._imported_path(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        return ""

    def _imported(self, name: ast.Name) -> str:
        for scope in self._scopes(name):
            for statement in self._statements(scope, name.id):
                if isinstance(statement, (ast.Import, ast.ImportFrom)) and (found := _alias(statement, name.id)):
                    return found
        return ""

    def _builtin(self, name: ast.Name) -> str:
        if not hasattr(builtins, name.id):
            return ""
        within = (each for scope in self._scopes(name) for each in self._statements(scope, name.id))
        return "" if any(name.id in _bound(each) for each in within) else f"builtins.{name.id}"

    def _scopes(self, node: ast.AST) -> Iterator[Scope]:
        """The scopes in which a name of that place is looked up, innermost first."""
        inner = True
        for each in self._ancestors(node):
            if isinstance(each, ast.ClassDef) and not inner:
                continue
            if isinstance(each, (*_SCOPES, ast.Module)):
                inner = False
                yield each

    def _statements(self, scope: Scope, name: str) -> Iterator[ast.AST]:
        """What belongs to that scope itself, not to functions and classes within it, as far as it may tell what a name means."""
        lines = self._parsed.mentions(name)
        if scope is not self._root:
            yield from _holding(ast.iter_child_nodes(scope), lines)
            return
        for statements in self._parsed.naming(name):
            yield from _holding(statements, lines)

    def _type_of(self, node: ast.expr, depth: int = 0) -> str:
        """The qualified type of an expression, as far as one assignment in sight tells; "" where it does not."""
        if depth > 4:  # noqa: PLR2004 -- chains of assignments beyond that name nothing a reader would follow either
            return ""
        if isinstance(node, ast.Call):
            made_by = self._qualified_at(node.func, depth)
            kind = made_by.rpartition(".")[2]
            if made_by in OPENING:
                return file_type(_mode(node))
            return RETURNS.get(made_by) or (made_by if kind[:1].isupper() or made_by in RETURNS.values() else "")
        if isinstance(node, ast.Constant):
            return f"builtins.{type(node.value).__name__}" if isinstance(node.value, (str, bytes)) else ""
        if type(node) in _LITERALS:
            return f"builtins.{_LITERALS[type(node)]}"
        value = self._assigned(node)
        return self._type_of(value, depth + 1) if value is not None else ""

    def _qualified_at(self, func: ast.expr, depth: int) -> str:
        if isinstance(func, ast.Attribute) and not self._imported_path(func.value):
            owner = self._type_of(func.value, depth + 1)
            return f"{owner}.{func.attr}" if owner else ""
        return self._qualified(func)

    def _assigned(self, node: ast.expr) -> ast.expr | None:
        """The expression that a name or an attribute of self was given, where there is exactly one in sight."""
        if isinstance(node, ast.Name):
            within = (self._statements(scope, node.id) for scope in self._scopes(node))
            found = [value for each in within for value in _values(each, node.id, ast.Name)]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}:
            owner = next((each for each in self._ancestors(node) if isinstance(each, ast.ClassDef)), None)
            own = _holding([owner], self._parsed.mentions(node.attr), inner=True) if owner else iter(())
            found = list(_values(own, node.attr, ast.Attribute))
        else:
            found = []
        return found[0] if found else None


def _holding(nodes: Iterable[ast.AST], lines: Sequence[int], *, inner: bool = False) -> Iterator[ast.AST]:
    """These nodes and what is in them, as far as it holds one of the lines; without what is in functions and classes, unless `inner`."""
    waiting = deque(nodes)
    while waiting:
        node = waiting.popleft()
        if _holds(node, lines):
            yield node
            if inner or not isinstance(node, _SCOPES):
                waiting.extend(ast.iter_child_nodes(node))


def _holds(node: Any, lines: Sequence[int]) -> bool:
    """Whether the node stands on one of these lines, in ascending order; one that does not know where it stands may."""
    if not hasattr(node, "lineno"):
        return True
    index = bisect_left(lines, first_line(node))
    return index < len(lines) and lines[index] <= (node.end_lineno or node.lineno)


def _values(nodes: Iterator[ast.AST], name: str, kind: type[ast.AST]) -> Iterator[ast.expr]:
    """The expressions that a target of that name and kind is set to; an annotation counts as a call of its type."""
    for node in nodes:
        if isinstance(node, ast.Assign):
            yield from (value for target in node.targets for value in _given(target, node.value, name, kind))
        elif isinstance(node, ast.NamedExpr):
            yield from _given(node.target, node.value, name, kind)
        elif isinstance(node, ast.withitem) and node.optional_vars and name in _names(node.optional_vars, kind):
            yield node.context_expr
        elif isinstance(node, ast.AnnAssign) and name in _names(node.target, kind):
            yield node.value or _call_of(node.annotation)
        elif isinstance(node, ast.arg) and node.arg == name and node.annotation:
            yield _call_of(node.annotation)


def _given(target: ast.expr, value: ast.expr, name: str, kind: type[ast.AST]) -> Iterator[ast.expr]:
    """What an assignment gives to the name: of tuples the element at its place, of a tuple from a call nothing that is known."""
    if not isinstance(target, (ast.Tuple, ast.List)):
        if name in _names(target, kind):
            yield value
    elif isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
        for each, part in zip(target.elts, value.elts, strict=True):
            yield from _given(each, part, name, kind)


def _call_of(annotation: ast.expr) -> ast.expr:
    call = ast.Call(func=annotation, args=[], keywords=[])
    return ast.copy_location(call, annotation)


def _mode(call: ast.Call) -> str:
    """The mode that `open` is given in so many letters; else that of a text."""
    named = [each.value for each in call.keywords if each.arg == "mode"]
    mode = next(iter([*call.args[1:2], *named]), None)
    return mode.value if isinstance(mode, ast.Constant) and isinstance(mode.value, str) else "r"


def _bound(node: ast.AST) -> set[str]:
    """The names that a statement or a parameter binds, so that they hide a builtin."""
    if isinstance(node, ast.arg):
        return {node.arg}
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    return (
        {name for target in node.targets for name in _names(target, ast.Name)}
        if isinstance(node, ast.Assign)
        else set()
    )


def _names(target: ast.AST, kind: type[ast.AST]) -> set[str]:
    if isinstance(target, (ast.Tuple, ast.List)):
        return {name for each in target.elts for name in _names(each, kind)}
    return {getattr(target, "id", "") or getattr(target, "attr", "")} if isinstance(target, kind) else set()


def _alias(statement: ast.Import | ast.ImportFrom, name: str) -> str:
    """The qualified name that an import binds to `name`, "" where it does not."""
    for alias in statement.names:
        if isinstance(statement, ast.ImportFrom):
            if (alias.asname or alias.name) == name:
                return f"{'.' * statement.level}{statement.module or ''}.{alias.name}"
        elif alias.asname == name:
            return alias.name
        elif alias.asname is None and alias.name.partition(".")[0] == name:
            return name
    return ""


def _code(node: ast.AST) -> str:
    try:
        code = ast.unparse(node)
    except (ValueError, RecursionError):
        return ""
    flat = " ".join(code.split())
    return flat if len(flat) <= LONGEST_TEXT else flat[: LONGEST_TEXT - 1] + "…"
