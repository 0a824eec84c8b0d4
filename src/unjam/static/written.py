"""How expressions read as text: dotted names, what an annotation names, what a value is made of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from unjam.static.facts import Span
from unjam.static.source import Decorator, Kept

CONTAINERS = frozenset({"dict", "list", "defaultdict", "mapping", "mutablemapping", "sequence", "ordereddict"})
"""Classes whose last parameter is what `[key]` gives."""


def span_of(node: ast.expr | ast.stmt) -> Span:
    """The span of a node in the type checker's terms."""
    return node.lineno, node.col_offset + 1, node.end_lineno or 0, (node.end_col_offset or 0) + 1


def dotted(node: ast.AST) -> str:
    """`a.b.c` of names, attributes, calls (`a().b`) and elements (`a[key].b`, see `_key`); "" for any other expression."""
    if isinstance(node, ast.Await):
        return dotted(node.value)
    text = node.id if isinstance(node, ast.Name) else ""
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        text = f"{inner}.{node.attr}" if inner else ""
    elif isinstance(node, ast.Call):
        got = _got(node)
        inner = dotted(node.args[0] if got else node.func)
        text = f"{inner}.{got}" if got else f"{inner}()"
    elif isinstance(node, ast.Subscript):
        inner = dotted(node.value)
        text = f"{inner}[{_key(node.slice)}]"
    else:
        return text
    return text if inner else ""


def _got(node: ast.Call) -> str:
    """`name` in `getattr(x, "name")`, and `do_*` in `getattr(x, f"do_{name}")`: a method by the beginning of its name."""
    if not (isinstance(node.func, ast.Name) and node.func.id == "getattr" and len(node.args) > 1):
        return ""
    name = node.args[1]
    first = name.values[0] if isinstance(name, ast.JoinedStr) and name.values else name
    text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
    return text + "*" * (first is not name) if text.isidentifier() else ""


def _key(node: ast.expr) -> str:
    """A key that is the same wherever it is written: a word or a constant's name; `*` for one that varies."""
    if isinstance(node, ast.Constant) and re.fullmatch(r"\w+", str(node.value)):
        return str(node.value)
    name = dotted(node).rpartition(".")[2]
    return name if name.isupper() else "*"


def kept_at(text: str) -> tuple[str, str]:
    """Where an object is kept that the whole program shares, and what follows: ("state.db", ".execute"), or two "".

    `request.app.state.db`, `hass.data[DOMAIN][entry.entry_id]`, `request.app["db"]`, `context.bot_data["db"]`,
    `entry.runtime_data`: frameworks hand them on without a type. A variable `data` is anybody's.
    """
    if not any(word in text for word in _SHARED_WORDS):
        return "", ""
    found = _SHARED.search(re.sub(r"\.(?:setdefault|get)\(\)", "[*]", text))
    return (found[1], found[2]) if found else ("", "")


_SHARED_WORDS = ("state", "data", "app")
"""One of these is in each text that _SHARED finds."""
_SHARED = re.compile(
    r"(?:^|\.)(state\.\w+|(?:(?<=\.)data|app|bot_data|chat_data|user_data)(?:\[[\w*]+\])+|runtime_data)((?:\W.*)?)$"
)


def described(node: ast.expr) -> tuple[str, str]:
    """The form and the text of a value, as an Argument has them; a dict is a table."""
    if isinstance(node, ast.Constant):
        return "constant", repr(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = (each.value if isinstance(each, ast.Constant) else "{}" for each in node.values)
        return "other", repr("".join(map(str, parts)))
    if isinstance(node, (ast.Lambda, ast.List, ast.Tuple, ast.Dict)):
        return _FORMS[type(node)], ""
    if isinstance(node, ast.Starred):
        return "star", dotted(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return "other", " | ".join(map(dotted, _flags(node)))
    text = dotted(node)
    return _FORMS.get(type(node), "other"), text


def _flags(node: ast.expr) -> Iterator[ast.expr]:
    """Those of `LOCK_EX | LOCK_NB`, the last one first."""
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield node.right
        node = node.left
    yield node


_FORMS: dict[type[ast.expr], str] = {
    ast.Lambda: "lambda",
    ast.List: "list",
    ast.Tuple: "list",
    ast.Dict: "table",
    ast.Call: "call",
    ast.Name: "name",
    ast.Attribute: "name",
    ast.Subscript: "name",
    ast.Await: "awaited",
}


def element(node: ast.expr) -> ast.expr | None:
    """The first call among what a container is made of, as in `{"a": Client()}` and `[Client() for _ in names]`."""
    held: list[ast.expr] = []
    if isinstance(node, ast.Dict):
        held = node.values
    elif isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        held = node.elts
    elif isinstance(node, ast.DictComp):
        held = [node.value]
    elif isinstance(node, (ast.ListComp, ast.SetComp)):
        held = [node.elt]
    return next((each for each in held if isinstance(each, ast.Call)), None)


def unbound(node: ast.expr) -> ast.expr:
    """What a partial calls, and anything else as it is."""
    if isinstance(node, ast.Call) and node.args and dotted(node.func).rpartition(".")[2] == "partial":
        return unbound(node.args[0])
    return node


def depended_on(default: ast.expr) -> str:
    """`get_db` in `db=Depends(get_db)`: the function whose result a framework hands over."""
    if isinstance(default, ast.Call) and default.args and dotted(default.func).rpartition(".")[2] in _DEPENDS:
        return dotted(default.args[0])
    return ""


_DEPENDS = frozenset({"Depends", "Security", "Provide", "TaskiqDepends"})


def unsubscripted(node: ast.expr) -> ast.expr:
    """The container of an element, and anything else as it is."""
    return node.value if isinstance(node, ast.Subscript) else node


def first_value(node: ast.expr) -> ast.expr:
    """`x or X()` and `x if c else X()` are as good as X() for what the name may hold."""
    if isinstance(node, ast.BoolOp):
        return node.values[-1]
    if isinstance(node, ast.IfExp):
        return node.body if not isinstance(node.body, ast.Constant) else node.orelse
    return node


def class_of(annotation: ast.expr) -> ast.expr:
    """The class in `X`, "X", `X | None`, `Optional[X]` and `Annotated[X, ...]`."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return class_of(ast.parse(annotation.value, mode="eval").body)
        except (SyntaxError, ValueError):
            return annotation
    if isinstance(annotation, ast.BinOp):
        return class_of(annotation.left)
    if isinstance(annotation, ast.Subscript):
        name = dotted(annotation.value).rpartition(".")[2]
        if name not in {"Optional", "Annotated"}:
            return annotation.value
        inner = annotation.slice
        return class_of(inner.elts[0] if isinstance(inner, ast.Tuple) and inner.elts else inner)
    return annotation


def held_by(annotation: ast.expr) -> str:
    """The class of what a container holds: X in `dict[str, X]` and `list[X]`."""
    if isinstance(annotation, ast.BinOp):
        return held_by(annotation.left)
    if not isinstance(annotation, ast.Subscript):
        return ""
    inner = annotation.slice
    return dotted(class_of(inner.elts[-1] if isinstance(inner, ast.Tuple) and inner.elts else inner))


def decorator(node: ast.expr) -> Decorator:
    """A decorator as it is written."""
    if not isinstance(node, ast.Call):
        return Decorator(dotted(node), "", (), node.lineno)
    first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else ""
    keywords = tuple(f"{keyword.arg}={dotted(keyword.value) or _literal(keyword.value)}" for keyword in node.keywords)
    return Decorator(dotted(node.func), first if isinstance(first, str) else "", keywords, node.lineno)


def _literal(node: ast.expr) -> str:
    return repr(node.value) if isinstance(node, ast.Constant) else ""


class Keeps(Protocol):
    """Whether a variable of the scope, or an element of it, outlasts the call."""

    def __call__(self, name: str, *, element: bool) -> bool:
        """Say it of one name."""


def fills_what_it_guards(node: ast.If, after: Sequence[ast.stmt], keeps: Keeps) -> Kept:
    """`if X is None: X = ...` and `if not X: ...`: work that is done once and kept, if need be by what is done `after` it."""
    guarded = _guarded(node.test)
    if not guarded:
        return Kept.NOT
    begins = any(_BEGINS.search(_method(each)) for each in node.body)
    own = guarded.startswith("self.") and any(map(_of_self, node.body))
    if own and (begins or isinstance(node.test, ast.Compare)):
        return Kept.FOR_GOOD  # `if self.client is None: await self.connect()`, `if not self.ready: self.load()`
    if begins and _READY.search(guarded):
        return Kept.BY_KEY  # `if not ready: model.load()`
    if guarded.endswith(("exists()", "is_file()", "isfile()", "is_dir()", "isdir()")):
        return Kept.BY_KEY  # what is missing is made, and is there the next time
    for statement in node.body:
        for each in ast.walk(statement):
            targets = each.targets if isinstance(each, ast.Assign) else ()
            if any(guarded in {dotted(target), dotted(unsubscripted(target))} for target in targets):
                kept = _kept(node.test, guarded, keeps)
                return kept or (Kept.BY_KEY if _stored(guarded, [*node.body, *after], keeps) else Kept.NOT)
    return Kept.NOT


def _kept(test: ast.expr, name: str, keeps: Keeps) -> Kept:
    """How long a name keeps what it is given: one of a class or a module for good, an attribute or a key for its object, a local one not at all."""
    is_key = (
        "[" in name or "(" in name or (isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.In, ast.NotIn)))
    )
    variable, element, _ = name.partition("[")
    if "." not in variable and not keeps(variable, element=is_key or bool(element)):
        return Kept.NOT
    lasts = name.startswith("cls.") or name[:1] == "_" or name[:1].isupper()
    return Kept.FOR_GOOD if lasts and not is_key else Kept.BY_KEY


_READY = re.compile(r"(?:ready|loaded|initiali[sz]ed)(?:\(\))?$")
"""What is asked of something before it is made ready."""
_BEGINS = re.compile(r"connect|init|load|set_?up|open|create|build|prepare|ensure")
"""Names of methods that make what the object lacks."""


def _stored(name: str, statements: Sequence[ast.stmt], keeps: Keeps) -> bool:
    """Whether a local variable is put where it is there the next time: `self.found[key] = x`, `cache.set(key, x)`."""
    for statement in statements:
        for each in ast.walk(statement):
            if isinstance(each, ast.Assign):
                names = {dotted(value) for value in (each.value, *each.targets)}
                if name in names and any(_lasts(target, keeps) for target in each.targets):
                    return True
            elif isinstance(each, ast.Call) and _is_storing(each) and name in map(dotted, each.args[1:]):
                return True
    return False


def _is_storing(call: ast.Call) -> bool:
    return dotted(call.func).rpartition(".")[2] in _STORES


_STORES = frozenset({"put", "set", "setdefault", "setex", "store"})
"""Methods of caches that take a key and a value."""


def _lasts(target: ast.expr, keeps: Keeps) -> bool:
    """Whether an attribute, or an element of a variable that outlasts the call, is assigned."""
    if isinstance(target, ast.Attribute):
        return bool(dotted(target))
    variable = dotted(target.value) if isinstance(target, ast.Subscript) else ""
    return bool(variable) and ("." in variable or keeps(variable, element=True))


def _method(statement: ast.stmt) -> str:
    """The name of what a statement calls, leaving what it returns."""
    return dotted(statement.value).rpartition(".")[2] if isinstance(statement, ast.Expr) else ""


def _of_self(statement: ast.stmt) -> bool:
    """Whether a statement calls a method of the object and leaves what it returns."""
    return isinstance(statement, ast.Expr) and dotted(statement.value).startswith("self.")


def gives_what_is_kept(node: ast.If, after: Sequence[ast.AST], keeps: Keeps) -> Kept:
    """`if X: return X` before statements that fill X: those are done once and kept. A local name keeps nothing."""
    last = node.body[-1]
    kept = _tested(node.test)
    if not isinstance(last, ast.Return) or last.value is None or not (kept[:1] == "_" or "." in kept or kept.isupper()):
        return Kept.NOT
    if not dotted(last.value).startswith(kept):
        return Kept.NOT
    assigned = (each for statement in after for each in ast.walk(statement) if isinstance(each, ast.Assign))
    given = any(kept in {dotted(target), dotted(unsubscripted(target))} for each in assigned for target in each.targets)
    return _kept(node.test, kept, keeps) if given else Kept.NOT


def _tested(test: ast.expr) -> str:
    if isinstance(test, ast.Compare):
        if isinstance(test.ops[0], ast.In):
            return dotted(test.comparators[0])
        return dotted(test.left) if isinstance(test.ops[0], ast.IsNot) else ""
    return dotted(test)


def _guarded(test: ast.expr) -> str:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return next(filter(None, map(_guarded, test.values)), "")
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return dotted(test.operand)
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is):
        return dotted(test.left)
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.NotIn):
        return dotted(test.comparators[0])
    return ""


def counts(test: ast.expr) -> bool:
    """Whether a `while` goes on until a number is reached: such a loop ends."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(map(counts, test.values))
    return isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE))


def awaited_in(loop: ast.AST) -> frozenset[int]:
    """What each turn of a loop or a comprehension awaits, by identity: there others run too, so that nothing adds up.

    What is awaited where an exception is handled is left out, and so is what the loop goes through, awaited once.
    """
    found = set()
    waiting = [loop]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Await):
            found.add(id(node.value))
        elif isinstance(node, (ast.AsyncFor, ast.AsyncWith)) or (isinstance(node, ast.comprehension) and node.is_async):
            found.add(id(node))
        once = node.iter if node is loop and isinstance(node, ast.For) else None
        waiting.extend(each for each in ast.iter_child_nodes(node) if each is not once and not isinstance(each, _LATER))
    return frozenset(found)


_LATER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ExceptHandler)
