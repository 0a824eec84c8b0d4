"""The hook of pre-commit as its users have it: their git, their pre-commit, the manifest as it is published."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.timeout(600)  # the type checker is CPU-bound, and a busy machine gives it a tenth of a core

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / ".pre-commit-hooks.yaml"
HELPER = "import time\n\n\ndef wait():\n    time.sleep(1)\n"
QUICK = "def wait():\n    pass\n"
CALLER = "from helper import wait\n\n\nasync def handler():\n    wait()\n"
ENDS_S = 300


def ran(*command, cwd):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=ENDS_S, check=False)


def pre_commit(*words, cwd):
    return ran(sys.executable, "-m", "pre_commit", *words, cwd=cwd)


def hook():
    """The published hook, run by this environment's `unjam`: making another one with pip is pre-commit's business, not ours."""
    (published,) = yaml.safe_load(MANIFEST.read_text())
    own = dict(
        published,
        language="system",
        entry=f"{Path(sys.executable).parent / 'unjam'} {published['entry'].removeprefix('unjam ')}",
    )
    del own["additional_dependencies"]
    return own


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with the hook installed, and a coroutine whose helper is quick."""
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "kept"))
    monkeypatch.setenv("UNJAM_CACHE", str(tmp_path / "cache"))
    for kind in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{kind}_NAME", "someone")
        monkeypatch.setenv(f"GIT_{kind}_EMAIL", "someone@example.org")
    root = tmp_path / "project"
    root.mkdir()
    config = {"repos": [{"repo": "local", "hooks": [hook()]}]}
    (root / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    (root / "helper.py").write_text(QUICK)
    (root / "handler.py").write_text(CALLER)
    assert ran("git", "init", "--quiet", cwd=root).returncode == 0
    assert pre_commit("install", cwd=root).returncode == 0
    return root


def commit(root, *files):
    assert ran("git", "add", *files, cwd=root).returncode == 0
    return ran("git", "commit", "--message", "change", cwd=root)


def test_manifest_is_one(tmp_path, monkeypatch):
    """pre-commit refuses a repository whose manifest breaks its schema."""
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "kept"))
    checked = pre_commit("validate-manifest", str(MANIFEST), cwd=tmp_path)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_hook_brings_the_type_checker():
    """The hook's environment gets what the extra would bring: a package without extras is all that pre-commit installs."""
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["check"]
    (published,) = yaml.safe_load(MANIFEST.read_text())
    assert published["additional_dependencies"] == extra
    assert published["entry"].split()[0] == "unjam"


@pytest.mark.skipif(shutil.which("git") is None, reason="pre-commit works on git, which is not installed here")
def test_commit_that_blocks_the_loop_is_refused(repository):
    """A changed helper is refused for the coroutine that calls it, which did not change; a clean commit passes."""
    first = commit(repository, "--all")
    assert first.returncode == 0, first.stdout + first.stderr
    (repository / "helper.py").write_text(HELPER)
    refused = commit(repository, "helper.py")
    assert refused.returncode == 1
    assert "helper.py:5:5: UJ101 error: time.sleep blocks the event loop" in refused.stdout + refused.stderr
    assert ran("git", "status", "--short", cwd=repository).stdout == "M  helper.py\n"


@pytest.mark.skipif(shutil.which("git") is None, reason="pre-commit works on git, which is not installed here")
def test_commit_without_python_is_not_checked(repository):
    """Who changes a text waits for no type checker."""
    (repository / "README").write_text("text")
    passed = commit(repository, "README")
    assert passed.returncode == 0
    assert "(no files to check)Skipped" in passed.stdout + passed.stderr
