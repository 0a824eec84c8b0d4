"""`[tool.unjam]`: where a project keeps its settings, read once for every half that asks."""

from __future__ import annotations

import os

from unjam.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILES = (("unjam.toml", ()), ("pyproject.toml", ("tool", "unjam")))
"""Where the table may stand, in order of preference, and the keys that lead to it."""

WATCHING = ("dump-after", "live", "log", "src", "threshold", "tier", "track-locks")
"""What a watched process reads (`Settings`)."""

CHECKING = (
    "baseline",
    "entry-points",
    "environment",
    "exclude",
    "extend-exclude",
    "ignore",
    "offloads",
    "per-file-ignores",
    "select",
    "sinks",
    "src",
    "tests",
)
"""What `unjam check` reads (`static.config`)."""

KEYS = frozenset({"allow", *WATCHING, *CHECKING})
"""Every key there is: any other one is a typing error."""

LARGEST = 5_000_000
"""Bytes of a settings file that is read: a larger one is something else."""


class Project:
    """The folder of the settings, the file that they stand in ("" where there are none), and the table itself."""

    __slots__ = ("file", "root", "table")

    def __init__(self, root: str = "", file: str = "", table: dict[str, Any] | None = None) -> None:
        self.root, self.file, self.table = root, file, table or {}

    def wrong(self, key: str, wanted: str) -> UsageError:
        """The refusal of a value, which names the file and the key."""
        return UsageError(f"{self.file}: {key} must be {wanted}")


def project_of(folder: str | os.PathLike[str]) -> Project:
    """The settings in or above a folder, the nearest first; empty where there are none.

    Raises UsageError for a file that is no TOML and for a key that is none.
    """
    here = os.path.abspath(folder)
    while True:
        found = project_in(here)
        if found.file or os.path.dirname(here) == here:
            return found
        here = os.path.dirname(here)


def project_in(folder: str | os.PathLike[str]) -> Project:
    """The settings in exactly this folder. Raises as `project_of`."""
    for name, path in FILES:
        file = os.path.join(folder, name)
        table = _table(file, path)
        if table:
            _check_keys(file, table)
            return Project(os.fspath(folder), file, table)
    return Project()


def _table(file: str, path: tuple[str, ...]) -> dict[str, Any]:
    try:
        if not os.path.isfile(file) or os.path.getsize(file) > LARGEST:
            return {}
        with open(file, "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    # Most projects say nothing of us, and their processes need not pay for a parser.
    if path and b"unjam" not in data:
        return {}
    table: Any = _parsed(file, data)
    for key in path:
        table = table.get(key, {}) if isinstance(table, dict) else {}
    return table if isinstance(table, dict) else {}


def _parsed(file: str, data: bytes) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(data.decode("utf-8"))
    except ValueError as error:
        raise UsageError(f"{file} cannot be read: {error}") from None


def _check_keys(file: str, table: dict[str, Any]) -> None:
    for key in table:
        if key not in KEYS:
            from difflib import get_close_matches

            near = get_close_matches(key, KEYS, n=1)
            hint = f", did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(KEYS))}"
            raise UsageError(f"{file}: unjam has no setting {key!r}{hint}")
