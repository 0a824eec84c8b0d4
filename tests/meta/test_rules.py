"""The codes of the rules are the same everywhere: in the code, the documentation, the changelog and the tests."""

import re
from pathlib import Path

import pytest

from unjam.knowledge import index
from unjam.knowledge.remedies import REMEDIES

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"\bUJ\d{3}\b")
RULES = {rule.code: rule for rule in index.rules()}
SOURCE_ONLY = {"UJ204", "UJ206"}
RUNTIME = sorted(code for code in RULES if code < "UJ800" and code not in SOURCE_ONLY)
"""Rules that a watched program can break without hanging."""


def codes_in(*patterns):
    """All codes that the files of those patterns name."""
    return {
        code
        for pattern in patterns
        for path in ROOT.glob(pattern)
        if path.suffix in {".md", ".py"}
        for code in CODE.findall(path.read_text())
    }


def test_the_list_in_the_documentation_is_the_code():
    """docs/rules.md has one row for each rule, with its cause and title; this is the whole row."""
    expected = [f"| {rule.code} | {rule.cause} | {rule.title} |" for rule in index.rules()]
    found = [line for line in (ROOT / "docs/rules.md").read_text().splitlines() if line.startswith("| UJ")]
    assert found == expected


@pytest.mark.parametrize(
    "pattern",
    ["*.md", "docs/**/*.md", "changelog.d/*.md", "src/**/*.py", "tests/programs/targets/*.py", "examples/**/*"],
)
def test_no_code_is_named_that_does_not_exist(pattern):
    """Whoever reads a code can have it explained."""
    assert codes_in(pattern) - RULES.keys() == set()


def test_every_rule_of_a_running_program_has_a_program():
    """A rule that no target program breaks is one that nobody has seen work."""
    assert sorted(set(RUNTIME) - codes_in("tests/programs/targets/*.py")) == []


@pytest.mark.parametrize("code", RULES)
def test_a_rule_ends_in_something_to_do(code):
    """Every rule's advice exists, and each piece says what it costs."""
    assert RULES[code].advice
    assert [key for key in RULES[code].advice if key not in REMEDIES or not REMEDIES[key].cost] == []
