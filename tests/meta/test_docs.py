"""What the documentation points at exists."""

import os
import re
from pathlib import Path

import pytest

from unjam.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")
COMMAND = re.compile(r"(?:`|^    )unjam ([a-z]+)", re.MULTILINE)
FRAGMENT = re.compile(r"[a-z0-9-]+\.(feature|fix|doc)\.md")
SCRIPT = re.compile(r"(?:^|[\s`(])((?:\./)?scripts/\w+)")


@pytest.fixture(params=PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def page(request):
    return request.param


def test_links_resolve(page):
    """Every relative link leads to a file of this repository."""
    targets = [target for target, _ in LINK.findall(page.read_text()) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_scripts_that_are_named_exist(page):
    """Every scripts/... that a page tells the reader to run is there."""
    assert [name for name in SCRIPT.findall(page.read_text()) if not (ROOT / name).is_file()] == []


def test_fragments_of_the_changelog_are_well_named():
    """A fragment is <topic>.<kind>.md, so that it lands under the right heading."""
    names = [path.name for path in (ROOT / "changelog.d").iterdir() if path.name != "README.md"]
    assert [name for name in names if not FRAGMENT.fullmatch(name)] == []


@pytest.mark.parametrize(
    "name", ["scripts/test", "scripts/demo", "scripts/lint", "scripts/changelog", "scripts/pythons", ".ci/run"]
)
def test_a_script_can_be_started(name):
    """Every script is executable and says by whom."""
    script = ROOT / name
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/usr/bin/env ")


def test_ci_is_the_command_that_everybody_has():
    """What CI runs is scripts/test and nothing else."""
    lines = (ROOT / ".ci/run").read_text().splitlines()
    assert [line for line in lines[1:] if "scripts/test" not in line] == []


def test_commands_in_the_readme_exist():
    """Every `unjam word` of the README is a command."""
    named = set(COMMAND.findall((ROOT / "README.md").read_text()))
    assert named - set(COMMANDS) == set()
