"""The page about metrics: its examples run, its table is the catalogue."""

import re
from pathlib import Path

import pytest

from unjam.integrations.metrics.catalogue import METRICS

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
ROWS = re.findall(
    r"^\| `(unjam_\w+)` \| `(unjam[\w.]+)` \| (\w+) \| ([^|]+) \| ([^|]*) \| ([^|]+) \|$", PAGE, re.MULTILINE
)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(python, number):
    """It ends by itself without a word on stderr (but of a machine that gave it no CPU), and what it prints has a metric in it."""
    out, err = python(EXAMPLES[number], UNJAM_LOG="0")
    assert err == ""
    assert re.search(r"unjam[._]eventloop|event_loop_blocked", out)


def test_the_page_has_its_examples():
    """The pattern above finds what is on the page."""
    assert len(EXAMPLES) == PAGE.count("```python") >= 1


def test_the_table_is_the_catalogue():
    """Names, kinds, units, labels and meanings, in order."""
    said = [(prometheus, otel, kind, unit, labels, meaning) for prometheus, otel, kind, unit, labels, meaning in ROWS]
    assert said == [
        (m.prometheus, m.otel, m.kind, m.unit, ", ".join(f"`{label}`" for label in m.labels), m.meaning)
        for m in METRICS
    ]
