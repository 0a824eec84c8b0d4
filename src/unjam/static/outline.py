"""Reads one file into its Outline: what the type checker's facts do not say (async, await, lambdas, `with`, comments).

What becomes of a call's value (`CallSite.use`): statement, awaited, iterated, with, returned, argument, assigned:NAME
or other.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterator
from typing import ClassVar, TypeAlias

from unjam.model.allowances import comment_in
from unjam.model.granted import blocks_in
from unjam.static.newer import older_spelling
from unjam.static.source import (
    Allowance,
    Argument,
    Assignment,
    CallSite,
    Decorator,
    ImportLine,
    Outline,
    Scope,
    WithBlock,
)
from unjam.static.written import (
    CONTAINERS,
    class_of,
    described,
    dotted,
    first_value,
    held_by,
    kept_at,
    span_of,
    unsubscripted,
)

CONSUMERS = frozenset(
    [
        "list",
        "tuple",
        "set",
        "frozenset",
        "dict",
        "sorted",
        "sum",
        "any",
        "all",
        "max",
        "min",
        "next",
        "enumerate",
        "zip",
        "map",
        "filter",
        "iter",
        "reversed",
        "join",
        "extend",
        "update",
        "writelines",
        "fromkeys",
        "chain",
        "islice",
        "deque",
    ]
)
"""Functions and methods that run the generator that they are given."""

_Def: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_NOQA = re.compile(r"#\s*noqa(?::\s*((?:[A-Z]+[0-9]+[,\s]*)+))?\s*(?:-\s*(.*))?", re.IGNORECASE)
_ASYNC_DEF = re.compile(r"^(\s*)(async\s+)?def\s+(\w+)")


def outline(path: str, text: str) -> Outline:
    """The outline of a file; where it does not parse, that of its `def` lines, with the problem named."""
    result = Outline(path, lines=text.count("\n") + 1, allowances=list(_allowances(text)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = _parsed(text)
        _Walker(result).module(tree)
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


class _Walker:
    """Fills one Outline. `_scope` is the index of the scope that the walk is in, `_classes` the classes around it."""

    def __init__(self, result: Outline) -> None:
        self._out = result
        self._scope = 0
        self._classes = ""
        self._prefix = ""
        self._uses: dict[int, str] = {}
        self._once = False
        self._yields: set[int] = set()

    def module(self, tree: ast.Module) -> None:
        """Walk a whole file."""
        self._out.scopes.append(Scope("", 0, (0, 0, 1 << 30, 0), "module", -1, "", (), ()))
        self._all(tree.body)

    def _all(self, nodes: list[ast.stmt] | list[ast.expr]) -> None:
        for node in nodes:
            self._visit(node)

    def _visit(self, node: ast.AST) -> None:
        handler = self._HANDLERS.get(type(node))
        if handler is not None:
            handler(self, node)
        else:
            self._children(node)

    def _children(self, node: ast.AST) -> None:
        for name in node._fields:
            value = getattr(node, name)
            if isinstance(value, list):
                for item in value:
                    if isinstance(item, ast.AST):
                        self._visit(item)
            elif isinstance(value, ast.AST):
                self._visit(value)

    def _function(self, node: _Def) -> None:
        for decorator in node.decorator_list:
            self._visit(decorator)
        for default in [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]:
            self._visit(default)
        index = self._enter(node)
        outer = self._scope, self._classes, self._prefix, self._once
        self._scope, self._classes, self._prefix, self._once = index, "", self._out.scopes[index].name + ".", False
        self._all(node.body)
        self._scope, self._classes, self._prefix, self._once = outer
        if index in self._yields:
            kind = "async-generator" if isinstance(node, ast.AsyncFunctionDef) else "generator"
            self._out.scopes[index] = self._out.scopes[index]._replace(kind=kind)

    def _enter(self, node: _Def) -> int:
        index = len(self._out.scopes)
        kind = "coroutine" if isinstance(node, ast.AsyncFunctionDef) else "function"
        arguments = node.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        for argument in named:
            if argument.annotation is not None:
                self._annotate(index, argument.arg, argument.annotation)
        if node.returns is not None and (text := dotted(class_of(node.returns))):
            self._out.returns.append((index, "annotation", text))
        stars = [item.arg for item in (arguments.vararg, arguments.kwarg) if item is not None]
        self._out.scopes.append(
            Scope(
                self._prefix + node.name,
                node.lineno,
                span_of(node),
                kind,
                self._scope,
                self._classes,
                (*(argument.arg for argument in named), *stars),
                tuple(_decorator(item) for item in node.decorator_list),
            )
        )
        return index

    def _lambda(self, node: ast.Lambda) -> None:
        index = len(self._out.scopes)
        name = f"{self._out.scopes[self._scope].name}.<lambda>".lstrip(".")
        parameters = tuple(argument.arg for argument in node.args.args)
        self._out.scopes.append(
            Scope(name, node.lineno, span_of(node), "lambda", self._scope, self._classes, parameters, ())
        )
        outer, self._scope = self._scope, index
        self._visit(node.body)
        self._scope = outer

    def _class(self, node: ast.ClassDef) -> None:
        for expression in [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]:
            self._visit(expression)
        outer = self._classes, self._prefix
        self._classes = self._prefix + node.name
        self._prefix = self._classes + "."
        self._out.bases[self._classes] = [text for base in node.bases if (text := dotted(unsubscripted(base)))]
        self._all(node.body)
        self._classes, self._prefix = outer

    def _call(self, node: ast.Call) -> None:
        text = dotted(node.func)
        passed = "iterated" if text.rpartition(".")[2] in CONSUMERS else "argument"
        arguments = []
        for position, value in enumerate(node.args):
            arguments.append(Argument(position, "", span_of(value), *described(value)))
            self._uses.setdefault(id(value), passed)
        for keyword in node.keywords:
            value = keyword.value
            arguments.append(Argument(-1, keyword.arg or "**", span_of(value), *described(value)))
            self._uses.setdefault(id(value), passed)
        use = self._uses.get(id(node), "other")
        self._out.calls.append(CallSite(span_of(node), self._scope, text, tuple(arguments), use, self._once))
        self._children(node)

    def _await(self, node: ast.Await) -> None:
        self._out.awaits.append((self._scope, node.lineno))
        self._used(node.value, "awaited")

    def _used(self, value: ast.expr | None, use: str) -> None:
        if value is not None:
            self._uses[id(value)] = use
            self._visit(value)

    def _expression(self, node: ast.Expr) -> None:
        self._used(node.value, "statement")

    def _return(self, node: ast.Return) -> None:
        if node.value is not None:
            value = first_value(node.value)
            form, text = described(value.value if isinstance(value, ast.Await) else value)
            if form in {"name", "call"} and text:
                self._out.returns.append((self._scope, form, text))
            if isinstance(value, ast.Tuple):
                items = ((f"item {number}", dotted(each)) for number, each in enumerate(value.elts))
                self._out.returns.extend((self._scope, item, text) for item, text in items if text)
        self._used(node.value, "returned")

    def _starred(self, node: ast.Starred) -> None:
        self._iterates(node.value)
        self._visit(node.value)

    def _iterates(self, value: ast.expr) -> None:
        self._uses[id(value)] = "iterated"
        self._out.iterated.add((self._scope, dotted(value)))

    def _yield(self, node: ast.Yield) -> None:
        self._yields.add(self._scope)
        self._children(node)

    def _yield_from(self, node: ast.YieldFrom) -> None:
        self._yields.add(self._scope)
        self._iterates(node.value)
        self._visit(node.value)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        if isinstance(node, ast.AsyncFor):
            self._out.awaits.append((self._scope, node.lineno))
        self._goes_through(node.target, node.iter)
        self._waited_for(node.iter, is_async=isinstance(node, ast.AsyncFor))
        self._children(node)

    def _comprehension(self, node: ast.comprehension) -> None:
        self._goes_through(node.target, node.iter)
        self._waited_for(node.iter, is_async=bool(node.is_async))
        self._children(node)

    def _waited_for(self, values: ast.expr, *, is_async: bool) -> None:
        """What `async for` goes through is as good as awaited: no synchronous call gives it."""
        if is_async:
            self._uses[id(values)] = "awaited"

    def _goes_through(self, target: ast.expr, values: ast.expr) -> None:
        """The target of a loop is an element of what it goes through."""
        self._iterates(values)
        text = dotted(values)
        if text.endswith(".items()") and isinstance(target, ast.Tuple):
            target = target.elts[-1]
        if text and isinstance(target, ast.Name):
            container = text.removesuffix(".values()").removesuffix(".items()")
            element = Assignment(self._scope, self._targeted(target.id), "name", f"{container}[*]", span_of(values))
            self._out.assignments.append(element)

    def _compare(self, node: ast.Compare) -> None:
        """`x in y` calls a method of y, which the type checker does not tell."""
        for operator, right in zip(node.ops, node.comparators, strict=True):
            text = dotted(right) if isinstance(operator, (ast.In, ast.NotIn)) else ""
            if text:
                site = CallSite(span_of(node), self._scope, f"{text}.__contains__", (), "other", self._once)
                self._out.implicit.append(site)
        self._children(node)

    def _async_with(self, node: ast.AsyncWith) -> None:
        self._out.awaits.append((self._scope, node.lineno))
        self._children(node)

    def _with(self, node: ast.With) -> None:
        for item in node.items:
            self._uses[id(item.context_expr)] = "with"
            if isinstance(item.optional_vars, ast.Name):
                self._assigned(item.optional_vars, item.context_expr)
            self._visit(item.context_expr)
        before = len(self._out.awaits)
        self._all(node.body)
        awaits = [line for scope, line in self._out.awaits[before:] if scope == self._scope]
        lines = node.body[0].lineno, node.end_lineno or node.lineno
        for item in node.items:
            text = dotted(item.context_expr)
            block = WithBlock(span_of(item.context_expr), self._scope, text, *lines, awaits[0] if awaits else 0)
            self._out.blocks.append(block)

    def _if(self, node: ast.If) -> None:
        if dotted(node.test).endswith("TYPE_CHECKING"):
            for statement in node.body:
                self._import_names(statement)
            self._all(node.orelse)
            return
        self._visit(node.test)
        outer = self._once
        self._once = outer or _fills_what_it_guards(node)
        self._all(node.body)
        self._once = outer
        self._all(node.orelse)

    def _import_names(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                name = alias.asname or alias.name.partition(".")[0]
                self._out.aliases[name] = alias.name if alias.asname else name
        elif isinstance(statement, ast.ImportFrom):
            module = "." * statement.level + (statement.module or "")
            for alias in statement.names:
                joined = module + alias.name if module.endswith(".") else f"{module}.{alias.name}"
                self._out.aliases[alias.asname or alias.name] = joined

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        self._import_names(node)
        names = tuple(alias.name for alias in node.names)
        lines = (
            [ImportLine(name, node.lineno, self._scope) for name in names]
            if isinstance(node, ast.Import)
            else [ImportLine(_imported(node), node.lineno, self._scope, names)]
        )
        (self._out.imports if self._scope else self._out.top_imports).extend(lines)

    def _assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._assigned(target, node.value)
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self._uses[id(node.value)] = f"assigned:{node.targets[0].id}"
        self._children(node)

    def _named(self, node: ast.NamedExpr) -> None:
        self._assigned(node.target, node.value)
        self._uses[id(node.value)] = f"assigned:{node.target.id}"
        self._visit(node.value)

    def _annotated(self, node: ast.AnnAssign) -> None:
        text = dotted(node.target)
        if text:
            self._annotate(self._scope, self._targeted(text), node.annotation)
        if node.value is not None:
            self._assigned(node.target, node.value)
            self._used(node.value, f"assigned:{text}")

    def _targeted(self, text: str) -> str:
        return text if "." in text or not self._classes else f"{self._classes}.{text}"

    def _assigned(self, target: ast.expr, value: ast.expr) -> None:
        text = dotted(target)
        if isinstance(target, ast.Tuple) and (called := dotted(value)).endswith("()"):
            for number, each in enumerate(target.elts):
                if name := dotted(each):
                    item = Assignment(self._scope, self._targeted(name), "call", f"{called}[{number}]", span_of(value))
                    self._out.assignments.append(item)
        if not text or (text.count(".") > 1 and not (kept_at(text)[0] or "[" in text)):
            return
        form, text_of_it = described(first_value(value))
        if form in {"name", "call", "lambda", "awaited", "table", "list"}:
            assignment = Assignment(self._scope, self._targeted(text), form, text_of_it, span_of(first_value(value)))
            self._out.assignments.append(assignment)

    def _annotate(self, scope: int, name: str, annotation: ast.expr) -> None:
        of_class = class_of(annotation)
        text = dotted(of_class)
        if text:
            self._out.annotations[f"{scope}:{name}"] = text
        held = held_by(annotation) if text.lower() in CONTAINERS else ""
        if held:
            self._out.annotations[f"{scope}:{name}[*]"] = held

    _HANDLERS: ClassVar[dict[type[ast.AST], Callable[..., None]]] = {
        ast.FunctionDef: _function,
        ast.AsyncFunctionDef: _function,
        ast.Lambda: _lambda,
        ast.ClassDef: _class,
        ast.Call: _call,
        ast.Await: _await,
        ast.Expr: _expression,
        ast.Return: _return,
        ast.Starred: _starred,
        ast.Yield: _yield,
        ast.YieldFrom: _yield_from,
        ast.For: _for,
        ast.AsyncFor: _for,
        ast.comprehension: _comprehension,
        ast.Compare: _compare,
        ast.With: _with,
        ast.AsyncWith: _async_with,
        ast.If: _if,
        ast.Import: _import,
        ast.ImportFrom: _import,
        ast.Assign: _assign,
        ast.NamedExpr: _named,
        ast.AnnAssign: _annotated,
    }
    """What the walk does at a node; all others are walked through."""


def _decorator(node: ast.expr) -> Decorator:
    if not isinstance(node, ast.Call):
        return Decorator(dotted(node), "", (), node.lineno)
    first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
    keywords = tuple(f"{keyword.arg}={dotted(keyword.value) or _literal(keyword.value)}" for keyword in node.keywords)
    return Decorator(dotted(node.func), first if isinstance(first, str) else "", keywords, node.lineno)


def _literal(node: ast.expr) -> str:
    return repr(node.value) if isinstance(node, ast.Constant) else ""


def _imported(node: ast.ImportFrom) -> str:
    return "." * node.level + (node.module or "")


def _fills_what_it_guards(node: ast.If) -> bool:
    """`if X is None: X = ...` and `if not X: ...`: work that is done once and kept."""
    guarded = _guarded(node.test)
    if not guarded:
        return False
    for statement in node.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else ()
        if any(guarded in {dotted(target), dotted(unsubscripted(target))} for target in targets):
            return True
    return False


def _guarded(test: ast.expr) -> str:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return dotted(test.operand)
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is):
        return dotted(test.left)
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.NotIn):
        return dotted(test.comparators[0])
    return ""
