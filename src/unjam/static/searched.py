"""Folders that a project adds to the import path itself: `sys.path.insert(0, ...)`, `site.addsitedir(...)`.

Only what is written in terms of `__file__` is followed, as nothing is executed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

_WORDS = (b"sys.path", b"addsitedir")
_ADDING = {"sys.path.insert": 1, "sys.path.append": 0, "site.addsitedir": 0, "addsitedir": 0}
"""Calls that add a folder, with the position of the argument that says which."""
_SAME = frozenset({"Path", "str", "abspath", "realpath", "normpath", "fspath", "resolve", "absolute", "as_posix"})
"""Functions and methods that give the same path in another form."""


def added(files: Iterable[str]) -> tuple[str, ...]:
    """The folders that the files add, in their order; those that do not exist are left out."""
    found = (folder for file in files for folder in _of(file))
    return tuple(dict.fromkeys(str(folder) for folder in found if folder.is_dir()))


def _of(file: str) -> Iterator[Path]:
    try:
        content = Path(file).read_bytes()
        if not any(word in content for word in _WORDS):
            return
        tree = ast.parse(content)
    except (OSError, SyntaxError, ValueError):
        return  # what cannot be read is told where the file is checked
    reader = _Reader(Path(file), tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            position = _ADDING.get(ast.unparse(node.func))
            if position is not None and position < len(node.args):
                folder = reader.path(node.args[position])
                if folder is not None:
                    yield folder


class _Reader:
    """Reads expressions of one file as paths."""

    def __init__(self, file: Path, tree: ast.Module) -> None:
        self._file = file
        self._assigned = {
            target.id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }

    def path(self, node: ast.expr) -> Path | None:
        """The path that an expression means, or None where it is not told by `__file__` alone."""
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.Attribute):
            inner = self.path(node.value) if node.attr == "parent" else None
            return inner.parent if inner else None
        if isinstance(node, ast.Subscript):
            return self._above(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            return self._joined(node.left, [node.right])
        return self._called(node) if isinstance(node, ast.Call) else None

    def _named(self, name: str) -> Path | None:
        if name == "__file__":
            return self._file
        value = self._assigned.pop(name, None)  # a name that is made of itself is read once
        if value is None:
            return None
        found = self.path(value)
        self._assigned[name] = value
        return found

    def _above(self, node: ast.Subscript) -> Path | None:
        """`path.parents[1]`."""
        number = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if not isinstance(number, int) or not isinstance(node.value, ast.Attribute) or node.value.attr != "parents":
            return None
        inner = self.path(node.value.value)
        return inner.parents[number] if inner and 0 <= number < len(inner.parents) else None

    def _called(self, node: ast.Call) -> Path | None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        first = node.args[0] if node.args else node.func.value if isinstance(node.func, ast.Attribute) else None
        if first is None:
            return None
        if name == "dirname":
            inner = self.path(first)
            return inner.parent if inner else None
        if name == "joinpath" and isinstance(node.func, ast.Attribute):
            return self._joined(node.func.value, node.args)
        if name == "join":
            return self._joined(first, node.args[1:])
        return self.path(first) if name in _SAME else None

    def _joined(self, start: ast.expr, parts: list[ast.expr]) -> Path | None:
        inner = self.path(start)
        words = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        if inner is None or len(words) != len(parts):
            return None
        for word in words:
            inner = inner.parent if word == ".." else inner / word
        return inner
