"""Whose code a file is."""

from __future__ import annotations

import pytest

import unjam
from unjam.model.origins import Origins

STDLIB = "/usr/lib/python3.11"
SITE = "/srv/app/.venv/lib/python3.11/site-packages"
PLAIN = Origins(stdlib=[STDLIB], site=[SITE, STDLIB + "/site-packages"])


@pytest.mark.parametrize(
    ("file", "owner"),
    [
        ("/srv/app/views.py", "user"),
        ("/usr/lib/python3.11/json/__init__.py", "stdlib"),
        ("/usr/lib/python3.11/site-packages/requests/api.py", "library"),
        (f"{SITE}/uvicorn/__main__.py", "library"),
        ("/srv/app/.venv/bin/uvicorn", "library"),
        ("/home/me/.local/lib/python3.12/site-packages/x.py", "library"),
        ("/opt/py/lib/python3.13/asyncio/events.py", "stdlib"),
        ("<frozen importlib._bootstrap>", "stdlib"),
        ("<string>", "user"),
        ("<stdin>", "user"),
        ("connection_task", "library"),
        ("views.py", "user"),
        ("<attrs generated init app.Order>", "library"),
        (f"{SITE}/unjam/probes/steps.py", "unjam"),
        (unjam.__file__, "unjam"),
        ("C:\\app\\views.py", "user"),
        ("", "user"),
    ],
)
def test_owner_by_folder(file, owner):
    """The longest known folder decides; generated code belongs to whoever generated it, typed-in code to the user."""
    assert PLAIN.owner(file) == owner


def test_generated_methods_of_dataclasses_are_nobodys_line():
    """dataclasses compile methods from "<string>": that is not code that the user typed."""
    assert PLAIN.owner("<string>", "__create_fn__.<locals>.__init__") == "library"


def test_code_from_a_string_is_the_users_in_a_program_that_was_given_as_one():
    """Elsewhere some library has generated it, or the line that gave it to exec is the user's."""
    assert Origins.of({"program": "-c"}).owner("<string>") == "user"
    assert Origins.of({"program": "jupyter-server"}).owner("<string>") == "library"
    assert Origins.of({"program": "jupyter-server"}).owner("<stdin>") == "user"


def test_a_folder_of_the_users_excludes_all_others():
    """With --src only what lies there is the user's own, and an environment inside it still is not."""
    origins = Origins(src=["/srv/app"], stdlib=[STDLIB], site=[SITE])
    assert [
        origins.owner(each) for each in ("/srv/app/a.py", "/srv/shared/b.py", f"{SITE}/c.py", "/srv/application/d.py")
    ] == [
        "user",
        "library",
        "library",
        "library",
    ]


@pytest.mark.parametrize(
    ("file", "module"),
    [
        (f"{SITE}/requests/api.py", "requests.api"),
        (f"{SITE}/requests/__init__.py", "requests"),
        (f"{STDLIB}/queue.py", "queue"),
        ("/opt/py/lib/python3.13/asyncio/events.py", "asyncio.events"),
        ("<frozen posixpath>", "posixpath"),
        ("/srv/app/views.py", "views"),
    ],
)
def test_module_by_folder(file, module):
    """The dotted name is what lies below the known folder."""
    assert PLAIN.module(file) == module


def test_garbage_in_a_header_is_no_folder():
    """A header of a torn recording names no folders: everything outside known patterns is the user's."""
    origins = Origins.of({"src": [None, 3, ""], "stdlib": "x", "site": {}})
    assert origins.owner("/srv/app/a.py") == "user"


def test_processes_with_the_same_folders_share_what_is_known():
    """Of each file it is found out once whose it is, not once for each stall and each worker."""
    header = {"src": ["/srv/app"], "stdlib": [STDLIB], "site": [SITE]}
    assert Origins.of(header) is Origins.of({**header, "pid": 7})
    assert Origins.of(header) is not Origins.of({**header, "src": ["/srv/other"]})
