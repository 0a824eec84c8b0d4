"""Which files make up the project, where its imports start, and which packages are installed for it.

Nothing of the project is executed, not even its interpreter: a virtual environment is read as a folder.
"""

from __future__ import annotations

import fnmatch
import os
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from unjam.errors import UsageError
from unjam.static.searched import added

_SKIPPED_FOLDERS = frozenset(
    [
        "__pycache__",
        "node_modules",
        "site-packages",
        "venv",
        "env",
        "build",
        "dist",
        "_build",
        "__pypackages__",
        ".git",
        ".hg",
        ".svn",
        ".venv",
        ".env",
        ".tox",
        ".nox",
        ".eggs",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".unjam",
        ".direnv",
        ".ipynb_checkpoints",
    ]
)
_MARKERS = ("pyproject.toml", "unjam.toml", "setup.cfg", "setup.py", ".git")
MOST_ROOTS = 64
"""Folders that imports are looked up in; each costs the type checker a look for each import."""
_DEMOS = frozenset(
    {
        "example",
        "examples",
        "demo",
        "demos",
        "sample",
        "samples",
        "docs",
        "benchmarks",
        "cookbook",
        "tutorials",
        "scripts",
    }
)
"""Folders of programs that somebody runs by hand to see how something is used, where they are no packages."""
_SHOWN = frozenset({"examples", "benchmarks", "tutorials", "cookbook"})
"""The same at the top of a project or of a part of it, in a folder that is no package: nobody keeps the program itself there."""
_ENVIRONMENTS = (".venv", "venv", "env", ".env")


@dataclass(slots=True)
class Project:
    """One project as found on disk. `texts` are the sources by path, `skipped` why a file is not among them."""

    root: Path
    files: tuple[str, ...]
    roots: tuple[str, ...]
    site_packages: tuple[str, ...]
    python_version: str
    reported: frozenset[str]
    """Files that findings may be in: those that the user named, which may be fewer than those that are read."""
    skipped: dict[str, str] = field(default_factory=dict)

    def relative(self, path: str) -> str:
        """A path as reports show it: below the root, with forward slashes."""
        try:
            return Path(path).relative_to(self.root).as_posix()
        except ValueError:
            return Path(path).as_posix()


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user says about the project; empty means: find out."""

    src: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    environment: str = ""


def found(paths: Iterable[str], settings: Settings) -> Project:
    """The project that the paths belong to. Raises UsageError for a path that does not exist."""
    named = [Path(path).absolute() for path in paths] or [Path.cwd()]
    for path in named:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder")
    root = root_of(named)
    folders = [path for path in named if path.is_dir()]
    inside = tuple(dict.fromkeys(file for path in named for file in _files(path, root, settings.exclude)))
    files = inside if len(folders) == len(named) else tuple(dict.fromkeys([*inside, *_around(root, settings.exclude)]))
    sites, version = environment(root, settings.environment)
    return Project(root, files, import_roots(root, files, settings.src), sites, version, frozenset(inside))


def _around(root: Path, exclude: tuple[str, ...]) -> list[str]:
    """All files of the project: a helper that a named file calls may be anywhere in it."""
    marked = any((root / marker).exists() for marker in _MARKERS)
    return list(_files(root, root, exclude)) if marked else []


def root_of(paths: list[Path]) -> Path:
    """The nearest folder above all paths that looks like the top of a project, else the nearest common one."""
    common = Path(os.path.commonpath([str(path) for path in paths]))
    start = common if common.is_dir() else common.parent
    for folder in (start, *start.parents):
        if any((folder / marker).exists() for marker in _MARKERS):
            return folder
    return start


def _files(path: Path, root: Path, exclude: tuple[str, ...]) -> Iterator[str]:
    """The source files of a path; in texts, as a project has thousands and an answer from the cache takes a fraction of a second."""
    if path.is_file():
        yield str(path)
        return
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if not _skipped(f"{folder}{os.sep}{name}", name, root, exclude))
        for name in sorted(files):
            file = f"{folder}{os.sep}{name}"
            if name.endswith(".py") and not _excluded(file, name, root, exclude):
                yield file


def _skipped(folder: str, name: str, root: Path, exclude: tuple[str, ...]) -> bool:
    if name in _SKIPPED_FOLDERS or name.endswith(".egg-info"):
        return True
    return Path(folder, "pyvenv.cfg").exists() or _excluded(folder, name, root, exclude)


def _excluded(path: str, name: str, root: Path, exclude: tuple[str, ...]) -> bool:
    if not exclude:
        return False
    shown = path.removeprefix(f"{root}{os.sep}").replace(os.sep, "/")
    return any(fnmatch.fnmatch(shown, pattern) or fnmatch.fnmatch(name, pattern) for pattern in exclude)


def import_roots(root: Path, files: Iterable[str], src: tuple[str, ...]) -> tuple[str, ...]:
    """Folders that imports start from: those named, else `src`, what contains each top package, the top, and what code adds."""
    if src:
        return tuple(str((root / folder).absolute()) for folder in src)
    first = [str(root / "src")] if (root / "src").is_dir() and not (root / "src" / "__init__.py").exists() else []
    above = _above_packages({file.rpartition(os.sep)[0] for file in files})
    packages = {top for folder, top in above.items() if top != folder}
    loose = {folder for folder, top in above.items() if top == folder}
    own = [folder for folder in added(file for file in files if not is_test(file)) if Path(folder).is_relative_to(root)]
    packages -= {top for top in packages if any(_shadows(Path(top), Path(folder)) for folder in own)}
    # A real package goes before a plain folder of its name, which would be taken for a namespace package.
    found = [*first, *_nearest_first(packages), str(root), *own, *_nearest_first(loose)]
    return tuple(dict.fromkeys(found))[:MOST_ROOTS]


def _shadows(top: Path, folder: Path) -> bool:
    """Whether a package below `top` hides one of its name in `folder`, which lies in it and is on the import path too."""
    if not folder.is_relative_to(top) or folder == top:
        return False
    name = folder.relative_to(top).parts[0]
    return (folder / name).is_dir() or (folder / f"{name}.py").is_file()


def _nearest_first(folders: Iterable[str]) -> list[str]:
    return sorted(folders, key=lambda folder: (folder.count(os.sep), folder))


def _above_packages(folders: Iterable[str]) -> dict[str, str]:
    """For each folder the nearest one that is no package: itself, or one above. Each is looked at once."""
    known: dict[str, str] = {}

    def top(folder: str) -> str:
        if folder not in known:
            above = folder.rpartition(os.sep)[0]
            is_package = above and Path(folder, "__init__.py").exists()
            known[folder] = top(above) if is_package else folder
        return known[folder]

    return {folder: top(folder) for folder in folders}


def environment(root: Path, named: str) -> tuple[tuple[str, ...], str]:
    """Folders of installed packages and the Python version: of the named, active or nearby environment, else our own."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    near = [str(root / name) for name in _ENVIRONMENTS]
    for folder in [named] if named else [os.environ.get("VIRTUAL_ENV", ""), *near]:
        if folder and Path(folder).is_dir():
            # Absolute: the type checker, which is told of it, runs in a folder of its own.
            sites = sorted(Path(folder).absolute().glob("lib/python3*/site-packages"))
            if sites:
                return (str(sites[-1]),), sites[-1].parent.name.removeprefix("python")
    if named:
        raise UsageError(f"{named}: not a virtual environment (there is no lib/python3*/site-packages in it)")
    return tuple(path for path in sys.path if path.endswith(("site-packages", "dist-packages"))), own


def text_of(path: str) -> str:
    """The text of a source file, decoded as Python would. Raises OSError, SyntaxError or UnicodeDecodeError."""
    with tokenize.open(path) as stream:
        return stream.read()


def failed(error: Exception, what: str = "reading it") -> str:
    """Why something is skipped that we could not cope with: it must not cost the rest."""
    return f"{what} failed ({type(error).__name__}: {error})"


def demos(project: Project) -> frozenset[str]:
    """The files of a project's examples; what the user names is what is meant, and no example."""
    if not project.reported:
        return frozenset()
    top = Path(os.path.commonpath(project.reported))
    return frozenset(path for path in project.reported if _is_demo(top, Path(path)))


def _is_demo(top: Path, path: Path) -> bool:
    below = path.relative_to(top).parts[:-1]
    folders = (top.joinpath(*below[: depth + 1]) for depth, name in enumerate(below) if name in _DEMOS)
    above = (top.joinpath(*below[:depth]) for depth, name in enumerate(below) if name in _SHOWN)
    return (bool(below) and below[0] in _SHOWN) or any(
        not (folder / "__init__.py").exists() for folder in (*folders, *above)
    )


@cache
def is_test(path: str) -> bool:
    """Whether a file is a test, by the names that pytest and unittest look for."""
    name = path.rpartition(os.sep)[2]
    return (
        name.startswith("test_")
        or name in {"conftest.py", "tests.py", "testing.py"}
        or any(f"{os.sep}{folder}{os.sep}" in path for folder in ("tests", "test", "testing", "e2e"))
    )
