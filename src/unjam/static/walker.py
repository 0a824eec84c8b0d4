"""Walks the syntax tree of one file and writes down what concerns calls: scopes, calls, values, `with`, loops, imports.

What becomes of a call's value (`CallSite.use`): statement, awaited, iterated, with, returned, argument, assigned:NAME
or other.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

from unjam.knowledge.consumers import CONSUMERS
from unjam.static.branches import FORKS, branches
from unjam.static.source import (
    Argument,
    Assignment,
    CallSite,
    ImportLine,
    Kept,
    Outline,
    Repeated,
    Scope,
    WithBlock,
)
from unjam.static.written import (
    CONTAINERS,
    awaited_in,
    class_of,
    counts,
    decorator,
    depended_on,
    described,
    dotted,
    element,
    fills_what_it_guards,
    first_value,
    gives_what_is_kept,
    held_by,
    kept_at,
    span_of,
    unbound,
    unsubscripted,
)

_BODIES = frozenset({"body", "orelse", "finalbody"})
"""Fields of nodes that are statements one after the other; the body of a lambda or of an `x if y else z` is no list."""
_Def: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class Walker:
    """Fills one Outline. `_scope` is the index of the scope that the walk is in, `_classes` the classes around it."""

    def __init__(self, result: Outline) -> None:
        self._out = result
        self._scope = 0
        self._classes = ""
        self._prefix = ""
        self._uses: dict[int, str] = {}
        self._once = Kept.NOT
        self._looped = False
        self._loops: tuple[frozenset[int], ...] = ()
        self._yields: set[int] = set()
        self._after: dict[int, list[ast.stmt]] = {}
        """By identity of a statement that has branches, the statements after it."""
        self._outer: set[tuple[int, str]] = set()
        """Scope and name of each variable that a function sets of what is around it."""

    def module(self, tree: ast.Module) -> None:
        """Walk a whole file."""
        self._out.scopes.append(Scope("", 0, (0, 0, 1 << 30, 0), "module", -1, "", (), ()))
        self._all(tree.body)

    def _all(self, nodes: list[ast.stmt] | list[ast.expr]) -> None:
        outer = self._once
        self._branched(nodes)
        for position, node in enumerate(nodes, 1):
            self._visit(node)
            if isinstance(node, ast.If):
                self._once = max(self._once, gives_what_is_kept(node, nodes[position:], self._keeps))
        self._once = outer

    def _branched(self, nodes: list[Any]) -> None:
        for position, node in enumerate(nodes, 1):
            if type(node) in FORKS:
                self._after[id(node)] = nodes[position:]
                self._out.branches.extend(branches(node, nodes[position:], self._scope))

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
                if name in _BODIES:
                    self._branched(value)
                for item in value:
                    if isinstance(item, ast.AST):
                        self._visit(item)
            elif isinstance(value, ast.AST):
                self._visit(value)

    def _function(self, node: _Def) -> None:
        for each in node.decorator_list:
            self._visit(each)
        for default in [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]:
            self._visit(default)
        index = self._enter(node)
        outer = self._scope, self._classes, self._prefix, self._once, self._looped, self._loops
        self._scope, self._classes, self._prefix = index, "", self._out.scopes[index].name + "."
        self._once, self._looped = Kept.NOT, False
        self._loops = ()
        self._all(node.body)
        self._scope, self._classes, self._prefix, self._once, self._looped, self._loops = outer
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
        for argument, default in zip(reversed(named), reversed(arguments.defaults), strict=False):
            if argument.annotation is None and (depended := depended_on(default)):
                self._out.annotations[f"{index}:{argument.arg}"] = f"{depended}()"
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
                tuple(decorator(item) for item in node.decorator_list),
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
        outer, self._scope = (self._scope, self._looped, self._loops), index
        self._looped, self._loops = False, ()
        self._visit(node.body)
        self._scope, self._looped, self._loops = outer

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
            arguments.append(Argument(position, "", span_of(value), *_passed(value)))
            self._uses.setdefault(id(value), passed)
        for keyword in node.keywords:
            value = keyword.value
            arguments.append(Argument(-1, keyword.arg or "**", span_of(value), *_passed(value)))
            self._uses.setdefault(id(value), passed)
        use = self._uses.get(id(node), "other")
        flags = self._once, self._looped, self._repeated(node)
        site = CallSite(span_of(node), self._scope, text, tuple(arguments), use, *flags)
        self._out.calls.append(site)
        self._children(node)

    def _repeated(self, node: ast.Call) -> Repeated:
        kinds = (Repeated.AT_ONCE if awaited <= {id(node)} else Repeated.APART for awaited in self._loops)
        return max(kinds, default=Repeated.NOT)

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
            self._given(node.value)
        self._used(node.value, "returned")

    def _given(self, given: ast.expr) -> None:
        value = first_value(given)
        form, text = described(value.value if isinstance(value, ast.Await) else value)
        if form in {"name", "call"} and text:
            self._out.returns.append((self._scope, form, text))
        if isinstance(value, ast.Tuple):
            items = ((f"item {number}", dotted(each)) for number, each in enumerate(value.elts))
            self._out.returns.extend((self._scope, item, text) for item, text in items if text)

    def _starred(self, node: ast.Starred) -> None:
        self._iterates(node.value)
        self._visit(node.value)

    def _iterates(self, value: ast.expr) -> None:
        self._uses[id(value)] = "iterated"
        self._out.iterated.add((self._scope, dotted(value)))

    def _global(self, node: ast.Global) -> None:
        self._out.globals.update((self._scope, name) for name in node.names)
        self._outer.update((self._scope, name) for name in node.names)

    def _nonlocal(self, node: ast.Nonlocal) -> None:
        self._outer.update((self._scope, name) for name in node.names)

    def _keeps(self, name: str, *, element: bool) -> bool:
        """Whether a variable, or an element of it, is there the next time: one of the module, or of a function around it."""
        if not self._scope or (self._scope, name) in self._outer:
            return True
        made = (each.scope == self._scope and each.target == name for each in self._out.assignments)
        return element and not any(made)

    def _yield(self, node: ast.Yield) -> None:
        self._yields.add(self._scope)
        if node.value is not None:  # what a context manager or a dependency gives, who says its name means this
            self._given(node.value)
        self._children(node)

    def _yield_from(self, node: ast.YieldFrom) -> None:
        self._yields.add(self._scope)
        self._iterates(node.value)
        self._visit(node.value)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        if isinstance(node, ast.AsyncFor):
            self._out.awaits.append((self._scope, node.lineno))
        self._goes_through(node.target, node.iter)
        self._reads_of(node.iter, is_async=isinstance(node, ast.AsyncFor))
        self._waited_for(node.iter, is_async=isinstance(node, ast.AsyncFor))
        self._visit(node.iter)
        self._visit(node.target)
        outer, self._loops = self._loops, (*self._loops, awaited_in(node))
        self._all(node.body)
        self._loops = outer
        self._all(node.orelse)

    def _comprised(self, node: ast.expr) -> None:
        outer, self._loops = self._loops, (*self._loops, awaited_in(node))
        self._children(node)
        self._loops = outer

    def _async_for(self, node: ast.AsyncFor) -> None:
        outer, self._looped = self._looped, True
        self._for(node)
        self._looped = outer

    def _while(self, node: ast.While) -> None:
        outer = self._looped, self._loops
        self._looped, self._loops = self._looped or not counts(node.test), (*self._loops, awaited_in(node))
        self._visit(node.test)
        self._all(node.body)
        self._looped, self._loops = outer
        self._all(node.orelse)

    def _comprehension(self, node: ast.comprehension) -> None:
        self._goes_through(node.target, node.iter)
        self._reads_of(node.iter, is_async=bool(node.is_async))
        self._waited_for(node.iter, is_async=bool(node.is_async))
        self._children(node)

    def _waited_for(self, values: ast.expr, *, is_async: bool) -> None:
        """What `async for` goes through is as good as awaited: no synchronous call gives it."""
        if is_async:
            self._uses[id(values)] = "awaited"

    def _reads_of(self, values: ast.expr, *, is_async: bool) -> None:
        """`for line in process.stdout` reads it, which the type checker does not tell: it may be None."""
        text = dotted(values)
        if text.endswith((".stdout", ".stderr")) and not is_async:
            site = CallSite(span_of(values), self._scope, f"{text}.__next__", (), "other", self._once, self._looped)
            self._out.implicit.append(site)

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
        for item in node.items:
            if isinstance(item.optional_vars, ast.Name):
                self._assigned(item.optional_vars, item.context_expr)
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
        self._once = max(outer, fills_what_it_guards(node, self._after[id(node)], self._keeps))
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
        made = element(value)
        if made is not None and not text.endswith("]"):
            held = Assignment(self._scope, self._targeted(f"{text}[*]"), "call", dotted(made), span_of(made))
            self._out.assignments.append(held)
        value = unbound(first_value(value))
        form, text_of_it = described(value)
        if form in {"name", "call", "lambda", "awaited", "table", "list"}:
            assignment = Assignment(self._scope, self._targeted(text), form, text_of_it, span_of(value))
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
        ast.Global: _global,
        ast.Nonlocal: _nonlocal,
        ast.Yield: _yield,
        ast.YieldFrom: _yield_from,
        ast.For: _for,
        ast.AsyncFor: _async_for,
        ast.While: _while,
        ast.comprehension: _comprehension,
        ast.ListComp: _comprised,
        ast.SetComp: _comprised,
        ast.DictComp: _comprised,
        ast.GeneratorExp: _comprised,
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


def _imported(node: ast.ImportFrom) -> str:
    return "." * node.level + (node.module or "")


def _passed(node: ast.expr) -> tuple[str, str]:
    form, text = described(node)
    return form, ", ".join(map(dotted, node.elts)) if isinstance(node, (ast.List, ast.Tuple)) else text
