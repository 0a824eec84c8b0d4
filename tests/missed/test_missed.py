"""Known misses are pinned, so that an improvement shows."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest

from unjam.static.check import Options, check
from unjam.static.project import Settings, found

pytestmark = pytest.mark.timeout(600)  # the type checker is CPU-bound, and a busy machine gives it a tenth of a core

SOURCE = Path(__file__).with_name("known.py")


def test_known_misses_are_still_missed(tmp_path, monkeypatch):
    """A line marked `missed` has no finding; when it gets one, it belongs into tests/rules."""
    monkeypatch.setenv("UNJAM_CACHE", str(tmp_path / "cache"))
    shutil.copy(SOURCE, tmp_path / "app.py")
    result = check(found([str(tmp_path)], Settings()), Options(dt.date(2026, 1, 1), libraries=False, fresh=True))
    missed = {number for number, line in enumerate(SOURCE.read_text().splitlines(), 1) if "# missed:" in line}
    assert missed
    assert {problem.line for problem in result.problems if problem.rule == "UJ101"} & missed == set()
