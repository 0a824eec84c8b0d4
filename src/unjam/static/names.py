"""What a dotted name means by imports, assignments and annotations alone: for calls that the type checker left open.

A qualified name comes out (`requests.Session.get`), or "" where the text does not say.
"""

from __future__ import annotations

import builtins

from unjam.static.outline import kept_on_state
from unjam.static.program import Function, Program
from unjam.static.source import Assignment, Outline

_BUILTINS = frozenset(dir(builtins))
_DEEPEST = 4
"""Assignments followed one after the other; a longer way is a cycle or nobody's code."""


class Namer:
    """Resolves names of one program."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._assigned: dict[str, dict[str, list[Assignment]]] = {}
        self._kept: dict[str, set[str]] | None = None

    def qualified(self, function: Function, text: str) -> str:
        """The qualified name of a dotted text as the body of `function` would read it."""
        return self._resolve(function.path, function.index, text, 0)

    def in_module(self, path: str, text: str) -> str:
        """The same at module level."""
        return self._resolve(path, 0, text, 0)

    def _resolve(self, path: str, scope: int, text: str, depth: int) -> str:
        outline = self._program.outlines.get(path)
        if outline is None or not text or depth > _DEEPEST:
            return ""
        if text.startswith("self.") and text.count(".") > 1:
            return self._attribute(outline, scope, text, depth)
        head, _, rest = text.partition(".")
        meant = self._head(outline, scope, head, depth)
        named = _instantiated(f"{meant}.{rest}" if rest else meant) if meant else ""
        return self._on_state(named or text) or named

    def _head(self, outline: Outline, scope: int, head: str, depth: int) -> str:
        name = head.removesuffix("()")
        called = head[len(name) :]
        local = self._local(outline, scope, name, depth)
        if local:
            return local + called
        if name in outline.aliases:
            return self._imported(outline, name, depth) + called
        if name in outline.bases:
            return f"{self._module(outline)}.{name}{called}"
        if self._assignments(outline).get(name) or any(scope.name == name for scope in outline.scopes):
            return ""
        return f"builtins.{name}{called}" if name in _BUILTINS else ""

    def _local(self, outline: Outline, scope: int, name: str, depth: int) -> str:
        """The class of a variable: from the annotation or the assignment in the scope, or in the scopes around it."""
        at = scope
        while at >= 0:
            annotated = outline.annotations.get(f"{at}:{name}")
            if annotated:
                return self._class(outline, annotated, depth)
            for assignment in self._assignments(outline).get(name, ()):
                if assignment.scope == at:
                    found = self._value(outline, assignment, depth)
                    if found:
                        return found
            if name in outline.scopes[at].parameters:
                return ""
            at = outline.scopes[at].parent
        return ""

    def _attribute(self, outline: Outline, scope: int, text: str, depth: int) -> str:
        """`self.client.get`: from what any method of the class, or its body, assigns to `self.client`."""
        _, attribute, rest = text.split(".", 2)
        owner = self._owner(outline, scope)
        for target in (f"self.{attribute}", f"{owner}.{attribute}"):
            for assignment in self._assignments(outline).get(target, ()):
                if target.startswith("self.") and self._owner(outline, assignment.scope) != owner:
                    continue
                found = self._value(outline, assignment, depth)
                if found:
                    return _instantiated(f"{found}.{rest}")
        for key, annotated in outline.annotations.items():
            if key.partition(":")[2] in {f"self.{attribute}", f"{owner}.{attribute}"}:
                found = self._class(outline, annotated, depth)
                if found:
                    return f"{found}.{rest}"
        return ""

    def _on_state(self, text: str) -> str:
        """`request.app.state.db.execute`: from what the project assigns to `app.state.db`, where that is one class."""
        name = kept_on_state(text)
        if not name:
            return ""
        if self._kept is None:
            self._kept = self._objects_on_state()
        found = self._kept.get(name, set())
        rest = f".{text}".partition(f".state.{name}")[2]
        return f"{next(iter(found))}{rest}" if len(found) == 1 else ""

    def _objects_on_state(self) -> dict[str, set[str]]:
        kept: dict[str, set[str]] = {}
        self._kept = kept
        for outline in self._program.outlines.values():
            for assignment in outline.assignments:
                name = kept_on_state(assignment.target)
                found = self._value(outline, assignment, 0) if name and assignment.target.endswith(f".{name}") else ""
                if found:
                    kept.setdefault(name, set()).add(found)
        return kept

    def _owner(self, outline: Outline, scope: int) -> str:
        while scope > 0 and not outline.scopes[scope].owner:
            scope = outline.scopes[scope].parent
        return outline.scopes[scope].owner if scope >= 0 else ""

    def _value(self, outline: Outline, assignment: Assignment, depth: int) -> str:
        if assignment.value.partition(".")[0].removesuffix("()") == assignment.target:
            return ""
        if assignment.form in {"call", "awaited", "name"}:
            return self._resolve(outline.path, assignment.scope, assignment.value, depth + 1)
        return ""

    def _class(self, outline: Outline, annotated: str, depth: int) -> str:
        found = self._resolve(outline.path, 0, annotated, depth + 1)
        return "" if found.startswith("builtins.") else found

    def _imported(self, outline: Outline, name: str, depth: int) -> str:
        target = self.absolute(outline.path, outline.aliases[name])
        module, _, variable = target.rpartition(".")
        path = self._program.module_paths.get(module)
        if path is None:
            return target
        inside = self._program.outlines[path]
        if variable in inside.aliases or variable in self._assignments(inside):
            return self._resolve(path, 0, variable, depth + 1) or target
        return target

    def absolute(self, path: str, target: str) -> str:
        """The absolute name of a module as a file imports it: `..db` in `app/api/user.py` is `app.db`."""
        level = len(target) - len(target.lstrip("."))
        if not level:
            return target
        module = self._module(self._program.outlines[path])
        package = module.split(".") if path.endswith("__init__.py") else module.split(".")[:-1]
        kept = package[: len(package) - level + 1]
        return ".".join([*kept, target[level:]])

    def _module(self, outline: Outline) -> str:
        facts = self._program.facts.modules.get(outline.path)
        return facts.name if facts is not None else ""

    def _assignments(self, outline: Outline) -> dict[str, list[Assignment]]:
        found = self._assigned.get(outline.path)
        if found is None:
            found = self._assigned[outline.path] = {}
            for assignment in outline.assignments:
                found.setdefault(assignment.target, []).append(assignment)
        return found


def _instantiated(name: str) -> str:
    """`httpx.Client().get` is a method of httpx.Client: a call of what is named like a class makes an instance of it."""
    parts = []
    for part in name.split("."):
        bare = part.removesuffix("()")
        parts.append(bare if bare[:1].isupper() else part)
    return ".".join(parts)
