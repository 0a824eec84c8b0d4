"""What the documentation points at exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")
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
