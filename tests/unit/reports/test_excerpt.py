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


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("x" * 100 + " a.f(1)", "2 | ..." + "x" * 46 + " a.f(1)\n" + " " * 54 + "^^^"),
        ("x" * 100 + " a.f(1) " + "y" * 100, "2 | ..." + "x" * 46 + " a.f...\n" + " " * 54 + "^^^"),
        ("f(" + "y" * 100 + ")", "2 | f(" + "y" * 51 + "...\n    ^"),
        ("x" * 100 + ".f()", "2 | " + "x" * 53 + "...\n    " + "^" * 53),
    ],
    ids=["at the end", "in the midst", "at the beginning", "too long itself"],
)
def test_the_call_of_a_long_line_is_shown(line, shown):
    """What is cut off is what stands far from the call, and carets never stand under what is not shown."""
    text = excerpt(session(line), Location("a.py", 2, "f"), "f", 60)
    assert text is not None
    assert text.plain == shown


def test_blank_line():
    """A blank line shows nothing."""
    assert excerpt(session("   "), Location("a.py", 2, "f"), "f", 60) is None
