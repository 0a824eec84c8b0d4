from __future__ import annotations

import pytest

from unjam.reports.page import Page


@pytest.mark.parametrize(
    ("file", "cwd", "shown"),
    [
        ("/srv/shop/app/main.py", "/srv/shop", "app/main.py"),
        ("/srv/lib/a.py", "/srv/shop", "../lib/a.py"),
        ("/a.py", "/srv/shop/deep/deeper", "/a.py"),
        ("/srv/shop/.venv/lib/python3.12/site-packages/x/y.py", "/srv/shop", "x/y.py"),
        ("<string>", "/srv/shop", "<string>"),
        ("/srv/shop/a.py", "", "/srv/shop/a.py"),
        ("/srv/\x1b[0m.py", "/srv", "\\x1b[0m.py"),
    ],
)
def test_path(file, cwd, shown):
    """A path is shown the shortest way that still names the file."""
    assert Page(cwd=cwd).path(file) == shown


def test_place_without_a_line():
    """A line that is not known is not written as 0."""
    assert Page().place("a.py", 0, "f") == "a.py in f"
    assert Page().place("a.py", 3) == "a.py:3"


def test_sentences_name_places_and_functions_short():
    """What a report says of a place it says everywhere alike."""
    page = Page(cwd="/srv/shop")
    assert page.text("/srv/shop/a.py:1 held f.<locals>.g \x1b") == "a.py:1 held f.g \\x1b"
    assert page.place("/srv/shop/a.py", 1, "f.<locals>.g") == "a.py:1 in f.g"
    assert Page(cwd="/").text("/srv/a.py") == "/srv/a.py"
