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
