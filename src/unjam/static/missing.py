"""Which imports the type checker could not follow, and what that costs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from unjam.static.project import Project, is_test
from unjam.static.source import Outline

MOST_NAMED = 8
"""Packages named in one notice: it is to stay readable."""


def notices(project: Project, outlines: Mapping[str, Outline], stubs: str) -> Iterator[str]:
    """A sentence where packages are not installed, and one where the project's own imports lead nowhere."""
    own = _own_packages(project)
    folders = (*project.roots, *project.site_packages, stubs)
    lost, stray = Counter[str](), Counter[str]()
    for path, outline in outlines.items():
        for line in () if is_test(path) else outline.top_imports:
            top = line.module.partition(".")[0]
            if top and top not in sys.stdlib_module_names and not _found(top, folders):
                # A folder is often named after the package that it wraps: what it imports is that package.
                is_own = top in own and top not in Path(path).parent.parts
                (stray if is_own else lost)[top] += 1
    if lost:
        names, verb = _listed(lost), "is" if len(lost) == 1 else "are"
        yield f"{names} {verb} not installed in this environment: calls on {'it' if len(lost) == 1 else 'them'} are judged by name only"
    if stray:
        yield f"imports of {_listed(stray)} lead nowhere, though the project has folders of that name: name its top with --src"


def _own_packages(project: Project) -> frozenset[str]:
    return frozenset(parent.name for file in project.files for parent in [Path(file).parent])


@cache
def _found(top: str, folders: tuple[str, ...]) -> bool:
    for folder in folders:
        base = Path(folder) / top
        if base.is_dir() or base.with_suffix(".py").is_file() or any(Path(folder).glob(f"{top}.*.so")):
            return True
        if base.with_suffix(".pyi").is_file():
            return True
    return False


def _listed(names: Counter[str]) -> str:
    shown = [name for name, _ in sorted(names.items(), key=lambda item: (-item[1], item[0]))]
    more = len(shown) - MOST_NAMED
    return ", ".join(shown[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
