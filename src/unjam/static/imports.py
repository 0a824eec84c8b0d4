"""UJ305: import statements in code on the loop, which read and run a package's files when they run first."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from unjam.model.findings import Evidence, Grade
from unjam.static.accuse import Accusation
from unjam.static.entries import is_test
from unjam.static.names import Namer
from unjam.static.program import Program
from unjam.static.reach import Reach
from unjam.static.result import Severity


def accusations(program: Program, reach: Reach, namer: Namer) -> Iterator[Accusation]:
    """Imports on the loop of packages that nothing imports at start-up."""
    early = _imported_early(program, namer)
    for path, outline in program.outlines.items():
        for line in outline.imports:
            function = program.function_of(path, line.scope)
            module = namer.absolute(path, line.module)
            top = module.partition(".")[0]
            if function is None or function.symbol not in reach or not top or top in early or top == "__future__":
                continue
            own = top in {name.partition(".")[0] for name in program.module_paths}
            light = own or top in sys.stdlib_module_names
            yield Accusation(
                function,
                (line.line, 1, line.line, 1),
                "UJ305",
                f"import {module}",
                Severity.NOTE if light else Severity.WARNING,
                Grade.EXACT,
                f"import {module} reads and runs the package's files on the event loop, the first time it runs",
                (Evidence("source", f"no module of the project imports {top} at its top level"),),
            )


def _imported_early(program: Program, namer: Namer) -> frozenset[str]:
    """Top names of the packages that some module of the project, tests aside, imports when it is imported."""
    found: set[str] = set()
    for path, outline in program.outlines.items():
        if not is_test(path):
            found.update(namer.absolute(path, module).partition(".")[0] for module in outline.top_imports)
    return frozenset(found)
