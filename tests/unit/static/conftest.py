"""Small projects made on the spot, and the check of one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from unjam.static import config
from unjam.static.check import Options, check
from unjam.static.project import Settings, found


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """One cache for all tests of a run, away from the user's own."""
    folder = tmp_path_factory.getbasetemp().parent / "unjam-cache"
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("UNJAM_CACHE", str(folder))
    return folder


@pytest.fixture
def project(tmp_path):
    """Write files below a fresh folder, and give the folder; `app__deep_py` is app/deep.py, a name with a dot is a path."""

    def write(**files: str) -> Path:
        (tmp_path / "pyproject.toml").touch()
        for name, text in files.items():
            spelled = name.replace("__", "/").replace("_py", ".py").replace("_toml", ".toml")
            path = tmp_path / (name if "." in name else spelled)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


@pytest.fixture
def checked():
    """Check a folder as of a given day."""

    def run(
        root: Path,
        *,
        today: dt.date = dt.date(2026, 1, 1),
        fresh: bool = True,
        libraries: bool = False,
        environment: str = "",
    ):
        options = Options(today, libraries=libraries, fresh=fresh)
        settings = config.read(root)
        project = found([str(root)], Settings(exclude=settings.exclude, environment=environment))
        return check(project, options, settings)

    return run
