"""Small projects with the expectation written at the line: `# error: UJ104 requests.get`, `# clean` for none."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from pathlib import Path

import pytest

from unjam.static.check import Options, check
from unjam.static.project import Settings, found
from unjam.static.result import Result, Severity

pytestmark = pytest.mark.timeout(600)  # the type checker is CPU-bound, and a busy machine gives it a tenth of a core

HERE = Path(__file__).parent
SOURCES = sorted(path.relative_to(HERE).as_posix() for path in HERE.glob("*/**/*.py") if path.name != "__init__.py")
CLEAN = re.compile(r"#\s*clean\b")
EXPECTED = re.compile(r"#\s*(error|warning|note): (UJ\d+) ([^;#]+?)\s*$")


@pytest.fixture(scope="session")
def result(tmp_path_factory) -> Result:
    """All projects in one check, away from any folder called tests: the type checker starts once."""
    root = tmp_path_factory.mktemp("projects")
    for folder in HERE.iterdir():
        if folder.is_dir() and folder.name != "__pycache__":
            shutil.copytree(folder, root / folder.name)
    (root / "pyproject.toml").write_text("")
    return check(found([str(root)], Settings()), Options(dt.date(2026, 1, 1), libraries=False, fresh=True))


def expected(path: str) -> set[tuple[int, str]]:
    lines = enumerate((HERE / path).read_text().splitlines(), 1)
    matches = ((number, EXPECTED.search(line)) for number, line in lines)
    return {(number, f"{match[1]}: {match[2]} {match[3]}") for number, match in matches if match}


def clean(path: str) -> set[int]:
    lines = enumerate((HERE / path).read_text().splitlines(), 1)
    return {number for number, line in lines if CLEAN.search(line)}


@pytest.mark.parametrize("path", SOURCES)
def test_found_is_what_the_lines_say(result, path):
    """Every line with an expectation has exactly that finding, a clean one none, and no other line has more than a note."""
    wanted, file = expected(path), str(Path(result.root) / path)
    asked = {line for line, _ in wanted} | clean(path)
    found_here = {
        (problem.line, f"{problem.severity.label}: {problem.rule} {problem.finding.leaf}")
        for problem in result.problems
        if problem.path == file and (problem.severity > Severity.NOTE or problem.line in asked)
    }
    assert found_here == wanted


def test_nothing_was_skipped(result):
    """The projects are whole: a file that could not be read would make its expectations void."""
    assert result.skipped == {}


def test_most_calls_are_resolved(result):
    """What the projects call is resolved by type in nearly all places, or the findings would rest on names."""
    assert result.coverage.percent > 90
