from __future__ import annotations

import pytest

from unjam.model.findings import Location
from unjam.model.session import Session
from unjam.reports.excerpt import excerpt


def session(line: str) -> Session:
    return Session("p", 0.0, 0.0, 50.0, (), (), (), sources={"a.py": ("first", line)})


@pytest.mark.parametrize(
    ("line", "leaf", "shown"),
    [
        ("    x = requests.get(url)", "requests.get", "2 | x = requests.get(url)\n        ^^^^^^^^^^^^"),
        ("\treturn sleep(1)", "time.sleep", "2 | return sleep(1)\n           ^^^^^"),
        ("a.get(b.get(c))", "x.get", "2 | a.get(b.get(c))"),
        ("target(1)", "x.get", "2 | target(1)"),
        ("anything()", "", "2 | anything()"),
        ("f(\x1b[2J)", "f", "2 | f(\\x1b[2J)\n    ^"),
    ],
)
def test_excerpt_points_at_the_only_call(line, leaf, shown):
    """Carets stand under the leaf's call where there is one and no doubt about it."""
    text = excerpt(session(line), Location("a.py", 2, "f"), leaf, 60)
    assert text is not None
    assert text.plain == shown


@pytest.mark.parametrize("place", [("a.py", 0), ("a.py", 3), ("a.py", -1), ("b.py", 1)])
def test_no_source_no_excerpt(place):
    """A line that is not there is not made up."""
    assert excerpt(session("x"), Location(*place, "f"), "f", 60) is None


def test_long_lines_are_cut():
    """A line of data does not fill the screen."""
    text = excerpt(session("x" * 5000), Location("a.py", 2, "f"), "f", 60)
    assert text is not None
    assert len(text.plain) == 60
    assert text.plain.endswith("xxx...")


def test_a_call_beyond_the_cut_is_not_pointed_at():
    """Carets never stand under what is not shown."""
    text = excerpt(session("x" * 100 + " f()"), Location("a.py", 2, "f"), "f", 60)
    assert text is not None
    assert "^" not in text.plain


def test_blank_line():
    """A blank line shows nothing."""
    assert excerpt(session("   "), Location("a.py", 2, "f"), "f", 60) is None
