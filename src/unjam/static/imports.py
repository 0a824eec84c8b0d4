"""UJ305: import statements in code on the loop, which read and run a package's files when they run first."""

from __future__ import annotations

from collections.abc import Iterator

from unjam.knowledge.heavy import HEAVY_IMPORTS
from unjam.model.findings import Evidence, Grade
from unjam.static.accuse import Accusation
from unjam.static.names import Namer
from unjam.static.program import Function, Program
from unjam.static.project import is_test
from unjam.static.reach import Reach
from unjam.static.result import Severity
from unjam.static.small import is_told
from unjam.static.source import ImportLine, Outline


def accusations(program: Program, reach: Reach, namer: Namer) -> Iterator[Accusation]:
    """Imports on the loop of packages, and of modules of the project, that nothing imports at start-up."""
    search = _Search(program, namer)
    for path, outline in program.outlines.items():
        for line in outline.imports:
            function = program.function_of(path, line.scope)
            if function is not None and function.symbol in reach:
                module = search.late(path, line)
                if module:
                    yield _accusation(function, line, module, search.severity(outline, module))


def _accusation(function: Function, line: ImportLine, module: str, severity: Severity) -> Accusation:
    return Accusation(
        function,
        (line.line, 1, line.line, 1),
        "UJ305",
        f"import {module}",
        severity,
        Grade.EXACT,
        f"import {module} reads and runs the package's files on the event loop, the first time it runs",
        (Evidence("source", f"no module of the project imports {module} at its top level"),),
    )


class _Search:
    """Knows what start-up has imported already. Of a foreign package its top is looked at, of our own each module."""

    def __init__(self, program: Program, namer: Namer) -> None:
        self._modules = program.module_paths
        self._own = {name.partition(".")[0] for name in program.module_paths}
        self._namer = namer
        self._early = {"__future__", ""}
        for path, outline in program.outlines.items():
            for line in () if is_test(path) else outline.top_imports:
                for module in self._meant(path, line):
                    self._early.update(_with_packages(module))
        self._around = {path: _with_packages(module) for module, path in program.module_paths.items()}

    def late(self, path: str, line: ImportLine) -> str:
        """The module that the line imports first, as far as can be known; "" where start-up did."""
        imported = self._early | self._around.get(path, set())
        return next((module for module in self._meant(path, line) if module not in imported), "")

    def severity(self, outline: Outline, module: str) -> Severity:
        """An import costs once, which is a note: unless it takes long and the framework tells of it."""
        top = module.partition(".")[0]
        heavy = top in HEAVY_IMPORTS and top not in self._own
        return Severity.WARNING if heavy and is_told(outline) else Severity.NOTE

    def _meant(self, path: str, line: ImportLine) -> Iterator[str]:
        module = self._namer.absolute(path, line.module).rstrip(".")
        top = module.partition(".")[0]
        if top not in self._own:
            yield top
            return
        inside = [f"{module}.{name}" for name in line.names if f"{module}.{name}" in self._modules]
        yield from inside or [module]


def _with_packages(module: str) -> set[str]:
    """The module and the packages around it, which are imported before it."""
    parts = module.split(".")
    return {".".join(parts[:length]) for length in range(1, len(parts) + 1)}
