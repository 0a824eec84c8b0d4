from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unjam.reports.text import counted, duration, number, percent, safe


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "-"), (float("nan"), "-"), (float("inf"), "-"), (0, "0 ms"), (0.04, "<0.1 ms"), (0.05, "0.1 ms"), (0.44, "0.4 ms"), (9.94, "9.9 ms"),
        (9.96, "10 ms"), (50, "50 ms"), (999.4, "999 ms"), (999.6, "1.00 s"), (2310.4, "2.31 s"), (9_996, "10.0 s"),
        (59_940, "59.9 s"), (59_960, "1 min 0 s"), (842_000, "14 min 2 s"), (3_599_600, "1 h 0 min"), (7_500_000, "2 h 5 min"),
    ],
)  # fmt: skip
def test_duration(ms, text):
    """A time reads as people say it, and never jumps a unit by rounding."""
    assert duration(ms) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.0, "0.0 %"), (0.01, "<0.1 %"), (9.64, "9.6 %"), (100.0, "100.0 %")]
)
def test_percent(value, text):
    """What is there is never written as zero."""
    assert percent(value) == text


def test_counts():
    """Numbers agree with their noun."""
    assert [counted(1, "process", "processes"), counted(2, "process", "processes"), counted(0, "loop")] == [
        "1 process", "2 processes", "0 loops",
    ]  # fmt: skip
    assert [number(None), number(0), number(1204)] == ["-", "0", "1,204"]


@given(st.text(st.characters()))
def test_safe_text_is_printable(text):
    """Whatever the string, what is shown can be printed and hides nothing."""
    assert safe(text).isprintable()


@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_safe_leaves_plain_text_alone(text):
    """Letters of any script stay as they are."""
    assert safe(text) == text
