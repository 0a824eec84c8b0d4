from __future__ import annotations

import pytest
import sessions

from unjam.model.findings import Link
from unjam.reports.chain import package, steps
from unjam.reports.page import Page


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("/srv/.venv/lib/python3.12/site-packages/requests/api.py", "requests"),
        ("/usr/lib/python3/dist-packages/six.py", "six"),
        ("/usr/lib/python3.13t/asyncio/events.py", "asyncio"),
        ("/usr/lib/python3.11/socket.py", "socket"),
        ("/srv/app/main.py", ""),
        ("<frozen importlib._bootstrap>", ""),
        ("", ""),
    ],
)
def test_package(file, name):
    """A file tells its package where its path does."""
    assert package(file) == name


def test_own_frames_stay_and_foreign_ones_fold():
    """Each of the user's frames has a line; a run of foreign ones has one, and the last names where it ended."""
    assert steps(sessions.http().chain, Page(cwd=sessions.CWD)) == [
        "... 3 frames in asyncio, uvicorn, fastapi",
        "app/main.py:31 in get_order",
        "app/pricing.py:5 in quote",
        "... 3 frames in requests, urllib3, socket, down to SocketIO.readinto",
    ]


def test_many_packages_are_cut():
    """A folded run stays one line."""
    chain = [Link(f"/x/site-packages/p{n}/a.py", 1, "f", "library") for n in range(5)]
    assert steps(chain, Page()) == ["... 5 frames in p0, p1, p2, ..., down to f"]


@pytest.mark.parametrize("around", [("walk",), ("walk", "visit"), ("walk", "visit", "each")])
def test_a_recursion_is_told_once(around):
    """A function that calls itself, or over others, has one line each, and how often; twice is no recursion."""
    names = ["main", *around * 40, "leaf", "leaf"]
    chain = [Link("/x/app.py", 1, name, "user") for name in names]
    told = steps(chain, Page(cwd="/x"))
    rounds = [f"app.py:1 in {name}" for name in around]
    assert told == ["app.py:1 in main", *rounds, "... and so on, 40 times", "app.py:1 in leaf", "app.py:1 in leaf"]


def test_no_chain():
    """Nothing known is no line."""
    assert steps((), Page()) == []
