"""Snapshots: what a report looks like, kept as files and written anew by UNJAM_UPDATE_SNAPSHOTS=1, never by hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "snapshots"


@pytest.fixture
def snapshot():
    def check(name: str, text: str) -> None:
        path = FOLDER / name
        if os.environ.get("UNJAM_UPDATE_SNAPSHOTS") == "1":
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text

    return check
