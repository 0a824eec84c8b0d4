"""The examples of docs/bridge.md, each as a program of its own."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "bridge.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(program, number):
    """It ends by itself, without a word on stderr, and prints something."""
    assert program(EXAMPLES[number])


def test_the_page_has_its_examples():
    """The pattern above finds what is on the page."""
    assert len(EXAMPLES) == PAGE.read_text().count("```python") >= 8
