"""What is published holds all that is needed, with and without a compiler."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src"
BUILD_S = 300
IGNORED = (ROOT / ".gitignore").read_text().split()
LEFTOVERS = (".git", *(pattern.rstrip("/").rpartition("/")[2] for pattern in IGNORED))
"""What building and testing leave behind; other tests make and remove some of it while this one copies the tree."""

pytestmark = pytest.mark.timeout(BUILD_S)

SDIST = "import os, sys; from setuptools import build_meta; print(build_meta.build_sdist(sys.argv[1]))"


def run(*command, cwd, **environment):
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=BUILD_S, check=False
    )
    assert done.returncode == 0, done.stderr


def pip_wheel(source, folder, **environment):
    """Build as `pip install` would; returns the wheel."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source]
    run(*command, cwd=folder, **environment)
    return next(folder.glob("*.whl"))


def needed():
    """Every module, type marker and data file of the package, by its name in a wheel."""
    files = (
        path
        for path in PACKAGE.rglob("*")
        if path.is_file() and not set(path.parts) & {"__pycache__", "unjam.egg-info"}
    )
    return {str(path.relative_to(PACKAGE)) for path in files if path.suffix not in {".so", ".pyc"}}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """A source distribution, made from a copy."""
    checkout = tmp_path_factory.mktemp("copy") / "unjam"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(*LEFTOVERS))
    wheels = tmp_path_factory.mktemp("sdist")
    run(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--target",
        str(wheels / "tools"),
        "setuptools>=77",
        cwd=wheels,
    )
    run(sys.executable, "-c", SDIST, str(wheels), cwd=checkout, PYTHONPATH=str(wheels / "tools"))
    return next(wheels.glob("*.tar.gz"))


def test_the_source_distribution_is_whole(sdist):
    """Headers, contracts, tests and documentation are in it."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{name}" for name in needed()} - names == set()
    assert {"README.md", "docs/architecture.md", "scripts/test", "tests/conftest.py"} - names == set()


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """A wheel, made from that."""
    return pip_wheel(sdist, tmp_path_factory.mktemp("wheel"))


def test_a_wheel_from_it_has_the_whole_package(wheel):
    """A wheel built from the source distribution has every file of the package, and the core for every Python from 3.11 on."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert needed() - names == set()
    assert [name for name in names if name.startswith("tests")] == []
    assert not (PACKAGE / "unjam/native/core.c").exists() or "-cp311-abi3-" in wheel.name


def test_pytest_warns_of_nothing_where_it_is_watched(wheel, tmp_path):
    """It would warn of a plugin that was imported before it, and end where its warnings are errors: an editable install shows nothing of it."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error::pytest.PytestAssertRewriteWarning\n")
    (tmp_path / "test_it.py").write_text("def test_it():\n    pass\n")
    pytest_ = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    run(sys.executable, "-m", "unjam", "run", "--", *pytest_, cwd=tmp_path, PYTHONPATH=str(tmp_path / "installed"))


def test_no_compiler_is_no_obstacle(sdist, tmp_path):
    """Without a working compiler the install succeeds all the same, with the Python tier."""
    wheel = pip_wheel(sdist, tmp_path, CC="/bin/false")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "unjam/__init__.py" in names
    assert [name for name in names if name.endswith(".so")] == []
