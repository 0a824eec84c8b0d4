"""Which of the problems found are shown: selection, ignored files, the baseline, notes; and how a baseline is kept."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from unjam.errors import UsageError
from unjam.static.config import Config
from unjam.static.result import Problem, Result, Severity

SCHEMA = 1
"""Of the baseline file; a file of a later one is refused."""


@dataclass(frozen=True, slots=True)
class View:
    """What is to be shown of a result. `codes` are the selected rules, `known` the fingerprints of the baseline."""

    codes: frozenset[str]
    notes: bool = False
    known: frozenset[str] = frozenset()


def shown(result: Result, view: View, config: Config, relative: Callable[[str], str]) -> list[Problem]:
    """The problems to show; what is held back is counted in the result."""
    kept = []
    for problem in result.problems:
        if problem.rule not in view.codes or _ignored(problem, config, relative):
            continue
        if problem.fingerprint in view.known:
            result.known += 1
        elif problem.severity is Severity.NOTE and not view.notes and problem.measured_ms is None:
            result.hidden += 1
        else:
            kept.append(problem)
    return kept


def _ignored(problem: Problem, config: Config, relative: Callable[[str], str]) -> bool:
    path = relative(problem.path)
    for pattern, codes in config.per_file_ignores.items():
        matches = fnmatch.fnmatch(path, pattern) or fnmatch.fnmatch(Path(path).name, pattern)
        if matches and any(problem.rule.startswith(code) for code in codes):
            return True
    return False


def load_baseline(file: str) -> frozenset[str]:
    """The fingerprints of a baseline file. Raises UsageError where it cannot be read."""
    try:
        document = json.loads(Path(file).read_text(encoding="utf-8"))
        if document["schema"] > SCHEMA:
            raise UsageError(f"{file} is of a newer unjam (schema {document['schema']})")
        return frozenset(document["findings"])
    except FileNotFoundError:
        raise UsageError(f"{file} does not exist: --update-baseline writes it") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{file} is not a baseline: {error}") from None


def save_baseline(file: str, problems: Iterable[Problem], relative: Callable[[str], str]) -> None:
    """Write the baseline; what stands beside a fingerprint is for readers only. Raises UsageError."""
    found = {each.fingerprint: f"{each.rule} {each.finding.leaf} in {relative(each.path)}" for each in problems}
    document = {"schema": SCHEMA, "findings": dict(sorted(found.items(), key=lambda item: (item[1], item[0])))}
    try:
        Path(file).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from None
