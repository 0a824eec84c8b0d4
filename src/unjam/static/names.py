"""What a dotted name means by imports, assignments, annotations and returns alone: where the type checker knows no type.

A qualified name comes out (`requests.Session.get`), or "" where the text does not say. A name is walked through part by part:
of a class of the project an attribute is what any of its methods assigns, a call is what the function returns, a parameter is
what callers hand over.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from unjam.static.places import Places
from unjam.static.program import Function, Program
from unjam.static.source import Assignment, Outline
from unjam.static.written import kept_at

_BUILTINS = frozenset(dir(builtins))
_UNSAID = frozenset({"typing.Any", "builtins.object", "builtins.dict", "builtins.list", "builtins.tuple", "Any"})
"""Annotations that say nothing of what is called on the value."""
_PART = re.compile(r"(\w+)((?:\[[^\]]*\])*)((?:\(\))*)$")
"""One part of a dotted name: the word, the elements taken of it, the calls."""
_ITEM = re.compile(r"(.+)\(\)\[(\d+)\]")
"""One item of the tuple that a call returns."""
_DEEPEST = 8
"""Steps followed one after the other; a longer way is a cycle or nobody's code."""
_WHOLE = 1 << 30
"""Deeper than any name can be asked for: what was found rests on no name that is still being resolved."""
_MOST_PASSED = 12
"""Arguments looked at for one parameter: what is called from more places is handed all kinds of things."""


class Namer:
    """Resolves names of one program."""

    def __init__(self, program: Program, *, shared: bool = True) -> None:
        """`shared`: whether objects are looked up where frameworks keep them for a whole program, as an application has it."""
        self._program = program
        self._is_application = shared
        self._places = Places(program)
        self._known: dict[tuple[str, int, str], str] = {}
        self._busy: dict[tuple[str, int, str], int] = {}
        self._stars: dict[str, list[str]] = {}
        self._partial: dict[tuple[str, int, str], tuple[str, int, int]] = {}
        """What was cut short while the outermost name is being resolved: what was found, at which depth, cut by which level.

        Taken as it is when it is met again meanwhile, as names that stand for each other have ways without number.
        """
        self._cut = _WHOLE
        """The outermost of the names being resolved without which the present one was cut short."""

    def qualified(self, function: Function, text: str) -> str:
        """The qualified name of a dotted text as the body of `function` would read it."""
        return self._resolve(function.path, function.index, text, 0)

    def in_module(self, path: str, text: str) -> str:
        """The same at module level."""
        return self._resolve(path, 0, text, 0)

    def _resolve(self, path: str, scope: int, text: str, depth: int) -> str:
        key = path, scope, text
        if key in self._known:
            return self._known[key]
        outline = self._program.outlines.get(path)
        if outline is None or not text:
            return ""
        if key in self._busy or depth > _DEEPEST:
            return self._cut_short(self._busy.get(key, 0))
        partial = self._partial.get(key)
        if partial is not None and partial[1] <= depth:
            self._cut_short(partial[2])
            return partial[0]
        level = self._busy[key] = len(self._busy)
        outside, self._cut = self._cut, _WHOLE
        found = self._shared(outline, text, depth) or self._walked(outline, scope, text, depth)
        del self._busy[key]
        if self._cut >= level:  # else it may be more when it is asked from elsewhere
            self._known[key] = found
            self._cut = _WHOLE
        else:
            self._partial[key] = found, depth, self._cut
        if not level:
            self._partial.clear()
        self._cut = min(self._cut, outside)
        return found

    def _cut_short(self, level: int = 0) -> str:
        """Nothing, for now: a cycle leads back to the name of that level, or the way was too long for the outermost."""
        self._cut = min(self._cut, level)
        return ""

    def _walked(self, outline: Outline, scope: int, text: str, depth: int) -> str:
        item = _ITEM.fullmatch(text)
        if item is not None:
            meant = self._resolve(outline.path, scope, item[1], depth + 1)
            function = self._program.functions.get(self._program.named(meant)) if meant else None
            return self._returned(function, depth, f"item {item[2]}") if function is not None else ""
        head, *rest = text.split(".")
        return self._on(self._head(outline, scope, head, depth), rest, depth)

    def _on(self, meant: str, parts: Iterable[str], depth: int) -> str:
        for part in parts:
            if not meant:
                return ""
            meant = self._step(meant, part, depth)
        return meant

    def _head(self, outline: Outline, scope: int, head: str, depth: int) -> str:
        name, elements, calls = _split(head)
        found = self._local(outline, scope, name + elements, depth) or self._global(outline, scope, name, depth)
        return self._called(found, len(calls) // 2, depth)

    def _global(self, outline: Outline, scope: int, name: str, depth: int) -> str:
        if name in {"self", "cls"}:
            owner = self._receiver(outline, scope, name)
            return f"{self._places.module(outline)}.{owner}" if owner else ""
        if name in outline.aliases:
            return self._imported(outline, name, depth)
        if name in outline.bases or self._is_function(outline, name):
            return f"{self._places.module(outline)}.{name}"
        if self._places.assigned(outline, name) or self._places.has_scope(outline, name):
            return ""
        return self._starred(outline, name, depth) or (f"builtins.{name}" if name in _BUILTINS else "")

    def _starred(self, outline: Outline, name: str, depth: int) -> str:
        """What `from module import *` makes of a name that the file does not define itself; the last one wins."""
        if outline.path not in self._stars:
            lines = (line for line in outline.top_imports if line.names == ("*",))
            modules = [self.absolute(outline.path, line.module).rstrip(".") for line in lines]
            self._stars[outline.path] = [module for module in reversed(modules) if module in self._program.module_paths]
        for module in () if name.startswith("_") else self._stars[outline.path]:
            found = self._resolve(self._program.module_paths[module], 0, name, depth + 1)
            if found and not found.startswith("builtins."):
                return found
        return ""

    def _is_function(self, outline: Outline, name: str) -> bool:
        return f"{self._places.module(outline)}:{name}" in self._program.functions

    def _step(self, meant: str, part: str, depth: int) -> str:
        """What `.part` is of what `meant` names."""
        name, elements, calls = _split(part)
        owner = self._places.class_of(meant)
        path = self._program.module_paths.get(meant)
        if owner is not None:
            found = self._member(*owner, name + elements, depth)
        elif path is not None:
            found = self._resolve(path, 0, name + elements, depth + 1) or f"{meant}.{name}"
        else:
            found = f"{meant}.{name}{elements}"
        return self._called(found, len(calls) // 2, depth)

    def _called(self, meant: str, times: int, depth: int) -> str:
        """What comes of calling it: an instance of a class, what a function of the project returns."""
        for _ in range(times):
            if not meant or self._places.class_of(meant) is not None:
                continue
            function = self._program.functions.get(self._program.named(meant))
            if function is not None:
                meant = self._returned(function, depth)
            elif not meant.rpartition(".")[2][:1].isupper():
                meant = f"{meant}()"
        return meant

    def _returned(self, function: Function, depth: int, item: str = "") -> str:
        """The class of what a function returns, or of one item of the tuple that it returns."""
        outline = self._program.outlines[function.path]
        for form, text in self._places.returned(outline, function.index):
            if form == item or not (item or form.startswith("item")):
                at = 0 if form == "annotation" else function.index
                found = self._resolve(function.path, at, text, depth + 1)
                if found and found not in _UNSAID:
                    return found
        return ""

    def _local(self, outline: Outline, scope: int, name: str, depth: int) -> str:
        """The class of a variable: from the annotation or the assignment in the scope, or in the scopes around it."""
        at = scope
        while at >= 0:
            found = self._annotated(outline, f"{at}:{name}", depth) or self._first(
                outline, (each for each in self._places.assigned(outline, name) if _set_at(outline, each, at)), depth
            )
            if found:
                return found
            if name in outline.scopes[at].parameters:
                return self._passed(self._program.by_scope.get((outline.path, at), ""), name, depth)
            at = outline.scopes[at].parent
        return ""

    def _passed(self, symbol: str, name: str, depth: int) -> str:
        """The class of a parameter without a telling annotation: that of all arguments whose class is known."""
        if depth >= _DEEPEST:
            return self._cut_short()
        found = set()
        for number, (caller, argument) in enumerate(self._places.passed(symbol, name)):
            if number == _MOST_PASSED:
                return ""
            found.add(self._resolve(caller.path, caller.index, argument.text, depth + 1))
        found -= {""}
        return next(iter(found)) if len(found) == 1 else ""

    def _member(self, outline: Outline, owner: str, name: str, depth: int) -> str:
        """What an attribute of a class is: assigned by a method or in the body, annotated, a method, or of a base."""
        own = (
            assignment
            for target in (f"self.{name}", f"{owner}.{name}")
            for assignment in self._places.assigned(outline, target)
            if not target.startswith("self.") or self._owner(outline, assignment.scope) == owner
        )
        return (
            self._first(outline, own, depth)
            or self._declared(outline, owner, name, depth)
            or self._given(outline, owner, name, depth)
            or self._method(outline, owner, name, depth)
            or self._inherited(outline, owner, name, depth)
        )

    def _declared(self, outline: Outline, owner: str, name: str, depth: int) -> str:
        for form in (name, re.sub(r"\[\w+\]$", "[*]", name)):
            found = self._annotated(outline, f"0:{owner}.{form}", depth)
            if found:
                return found
            if not self._places.annotates(outline, f"self.{form}"):
                continue
            for index, scope in enumerate(outline.scopes):
                if scope.owner == owner and (found := self._annotated(outline, f"{index}:self.{form}", depth)):
                    return found
        return ""

    def _given(self, outline: Outline, owner: str, name: str, depth: int) -> str:
        """The class of a field of a record that is annotated as Any: that of what its constructor receives for it."""
        if not self._places.annotates(outline, f"{owner}.{name}"):
            return ""
        symbol = f"{self._places.module(outline)}:{owner}.__init__"
        made = self._program.functions.get(symbol)
        if made is None:
            return self._passed(symbol, name, depth)
        for call in made.calls:
            if call.site is not None and call.site.text == "super().__init__":
                argument = call.site.argument(-1, name)
                return self._resolve(outline.path, made.index, argument.text, depth + 1) if argument else ""
        return ""

    def _method(self, outline: Outline, owner: str, name: str, depth: int) -> str:
        module = self._places.module(outline)
        function = self._program.functions.get(f"{module}:{owner}.{name}")
        if function is None:
            return ""
        decorators = {decorator.text.rpartition(".")[2] for decorator in function.scope.decorators}
        if decorators & {"property", "cached_property"}:
            return self._returned(function, depth)
        return f"{module}.{owner}.{name}"

    def _inherited(self, outline: Outline, owner: str, name: str, depth: int) -> str:
        for text in outline.bases.get(owner, ()):
            base = self._resolve(outline.path, 0, text, depth + 1)
            if not base or base in _UNSAID:
                continue
            found = self._step(base, name, depth + 1) if depth < _DEEPEST else self._cut_short()
            if found:
                return found
        return ""

    def _annotated(self, outline: Outline, key: str, depth: int) -> str:
        annotated = outline.annotations.get(key)
        found = self._resolve(outline.path, 0, annotated, depth + 1) if annotated else ""
        return "" if found.startswith("builtins.") or found in _UNSAID else found

    def _first(self, outline: Outline, assignments: Iterable[Assignment], depth: int) -> str:
        """The first value that is known, one of a package that the program imports only for its annotations after all others."""
        first = ""
        for found in self._values(outline, assignments, depth):
            if found.partition(".")[0] in self._imports:
                return found
            first = first or found
        return first

    @cached_property
    def _imports(self) -> frozenset[str]:
        """The first parts of the names of all modules that the program has or imports when it runs."""
        outlines = self._program.outlines.values()
        imported = (line.module for each in outlines for line in (*each.top_imports, *each.imports))
        return frozenset(name.partition(".")[0] for name in ("builtins", *self._program.module_paths, *imported))

    def _values(self, outline: Outline, assignments: Iterable[Assignment], depth: int) -> Iterator[str]:
        for assignment in assignments:
            if _split(assignment.value.partition(".")[0])[0] == assignment.target:
                continue
            if assignment.form in {"call", "awaited", "name"}:
                found = self._resolve(outline.path, assignment.scope, assignment.value, depth + 1)
                if found and found not in _UNSAID:
                    yield found

    def _shared(self, outline: Outline, text: str, depth: int) -> str:
        """`request.app.state.db.execute`: from what the project keeps there, where that is one class."""
        place, rest = kept_at(text) if self._is_application else ("", "")
        if not place:
            return ""
        kept = self._places.kept(place, outline)
        found = {value for each, assignment in kept for value in self._values(each, [assignment], depth)}
        if len(found) != 1:
            return ""
        return self._on(next(iter(found)), filter(None, rest.split(".")), depth)

    def _owner(self, outline: Outline, scope: int) -> str:
        while scope > 0 and not outline.scopes[scope].owner:
            scope = outline.scopes[scope].parent
        return outline.scopes[scope].owner if scope >= 0 else ""

    def _receiver(self, outline: Outline, scope: int, name: str) -> str:
        """The class whose method has `self` or `cls` as its first parameter; any other parameter may be called so too."""
        while scope > 0:
            here = outline.scopes[scope]
            if here.owner or name in here.parameters:
                return here.owner if here.parameters[:1] == (name,) else ""
            scope = here.parent
        return ""

    def _imported(self, outline: Outline, name: str, depth: int) -> str:
        target = self.absolute(outline.path, outline.aliases[name])
        module, _, variable = target.rpartition(".")
        path = self._program.module_paths.get(module)
        if path is None or target in self._program.module_paths:
            return target
        inside = self._program.outlines[path]
        if variable in inside.aliases or variable in inside.bases or self._places.assigned(inside, variable):
            return self._resolve(path, 0, variable, depth + 1) or target
        return target

    def absolute(self, path: str, target: str) -> str:
        """The absolute name of a module as a file imports it: `..db` in `app/api/user.py` is `app.db`."""
        level = len(target) - len(target.lstrip("."))
        if not level:
            return target
        module = self._places.module(self._program.outlines[path])
        package = module.split(".") if path.endswith("__init__.py") else module.split(".")[:-1]
        kept = package[: len(package) - level + 1]
        return ".".join([*kept, target[level:]])


def _set_at(outline: Outline, assignment: Assignment, scope: int) -> bool:
    """Whether an assignment sets the variable of that scope: of the module's, functions that say `global` do too."""
    return assignment.scope == scope or (scope == 0 and (assignment.scope, assignment.target) in outline.globals)


def _split(part: str) -> tuple[str, str, str]:
    """The word of a part, the elements taken, the calls; what has another order is left in the word."""
    if part.isidentifier():
        return part, "", ""
    found = _PART.match(part)
    return (found[1], found[2], found[3]) if found else (part, "", "")
