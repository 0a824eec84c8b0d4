"""`[tool.unjam]` of pyproject.toml, or unjam.toml, as far as `unjam check` reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unjam.errors import UsageError
from unjam.knowledge.allowing import allowed_by, check_code
from unjam.knowledge.offloads import Handoff, Where
from unjam.knowledge.records import Call, Weight
from unjam.model.allowances import Allow
from unjam.model.project import Project, project_in


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one project; `file` is where they came from, "" where there are none."""

    file: str = ""
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    src: tuple[str, ...] = ()
    environment: str = ""
    baseline: str = ""
    tests: bool = False
    entry_points: tuple[str, ...] = ()
    sinks: tuple[Call, ...] = ()
    offloads: tuple[Handoff, ...] = ()
    allow: tuple[Allow, ...] = ()


def read(root: Path) -> Config:
    """The settings of the project at `root`. Raises UsageError for what cannot be understood."""
    project = project_in(root)
    return _Reader(project).config() if project.file else Config()


class _Reader:
    """Reads one table, naming the key in every refusal."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._table = project.table

    def config(self) -> Config:
        per_file = self._table.get("per-file-ignores", {})
        if not isinstance(per_file, dict):
            raise self._wrong("per-file-ignores", "a table of patterns")
        return Config(
            self._project.file,
            self._texts("select"),
            self._texts("ignore"),
            {pattern: self._codes(f"per-file-ignores.{pattern}", codes) for pattern, codes in per_file.items()},
            self._texts("exclude") + self._texts("extend-exclude"),
            self._texts("src"),
            self._text("environment"),
            self._text("baseline"),
            bool(self._table.get("tests", False)),
            self._texts("entry-points"),
            tuple(self._sinks()),
            tuple(self._offloads()),
            allowed_by(self._project),
        )

    def _wrong(self, key: str, wanted: str) -> UsageError:
        return self._project.wrong(key, wanted)

    def _texts(self, key: str) -> tuple[str, ...]:
        return self._listed(key, self._table.get(key, []))

    def _listed(self, key: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(key, "a list of strings")
        return tuple(value)

    def _codes(self, key: str, value: Any) -> tuple[str, ...]:
        return tuple(check_code(code, what=f"{self._project.file}: {key}") for code in self._listed(key, value))

    def _text(self, key: str) -> str:
        value = self._table.get(key, "")
        if not isinstance(value, str):
            raise self._wrong(key, "a string")
        return value

    def _rows(self, key: str, needed: str) -> Iterator[dict[str, Any]]:
        rows = self._table.get(key, [])
        for row in rows if isinstance(rows, list) else [rows]:
            found = {needed: row} if isinstance(row, str) else row
            if not isinstance(found, dict) or not isinstance(found.get(needed), str):
                raise self._wrong(key, f"a list of tables with {needed} = ...")
            yield found

    def _sinks(self) -> Iterator[Call]:
        for row in self._rows("sinks", "name"):
            weights = {weight.value: weight for weight in Weight}
            weight = weights.get(str(row.get("weight", Weight.UNBOUNDED.value)))
            if weight is None:
                raise self._wrong("sinks.weight", f"one of {', '.join(weights)}")
            rule = check_code(row.get("rule", "UJ109"), what=f"{self._project.file}: sinks.rule")
            yield Call(row["name"], rule, weight=weight, remedy="to-thread")

    def _offloads(self) -> Iterator[Handoff]:
        for row in self._rows("offloads", "name"):
            position = row.get("position", 0)
            if not isinstance(position, int):
                raise self._wrong("offloads.position", "a number, counted from 0")
            yield Handoff(row["name"], position, Where.THREAD, str(row.get("keyword", "")))
