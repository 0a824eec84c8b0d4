"""What an installed package does inside, with a small package in an environment made on the spot."""

from __future__ import annotations

from pathlib import Path

import pytest

from unjam.model.findings import Grade
from unjam.static import libraries

pytestmark = pytest.mark.timeout(600)  # the type checker is CPU-bound, and a busy machine gives it a tenth of a core


PACKAGE = """\
import time


class Client:
    def fetch(self, key):
        return self._send(key)

    def _send(self, key):
        time.sleep(1)
        return key

    def peek(self, key):
        return key


async def fetch_async(key):
    time.sleep(1)
"""
APP = """\
import thing


async def handler():
    client = thing.Client()
    client.peek("x")
    return client.fetch("x")
"""


UNTYPED = """\
from typing import Any

import thing


def make() -> Any:
    return thing.Client()


async def handler():
    make().peek("x")
    return make().fetch("x")
"""


HOOKS = """\
import time

class Base:
    def load(self):
        return self._loaded()

    def _loaded(self):
        return list(self.lazily())

    def lazily(self):
        return []


class Late(Base):
    def load(self):
        return []
"""
"""What `load` does is up to the class that says what `lazily` gives."""
LOADERS = """\
import time
from hooks import Base, Late

class Slow(Base):
    def lazily(self):
        time.sleep(1)
        yield 1


class Quick(Slow):
    def lazily(self):
        return [1]


class Slower(Slow):
    pass


class Idle(Late):
    def lazily(self):
        time.sleep(1)
        yield 1
"""
LOADED_BY_NAME = """\
from typing import Any

from loaders import Idle, Quick, Slower

def make() -> Any:
    return Slower()

def make_quick() -> Any:
    return Quick()

def make_idle() -> Any:
    return Idle()

async def handler():
    make_quick().load()
    make_idle().load()
    return make().load()
"""
LOADING = """\
from hooks import Base
from loaders import Idle, Quick, Slow, Slower

async def handler():
    Base().load()
    Quick().load()
    Idle().load()
    Slow().load()
    return Slower().load()
"""

TWINS = """\
class Exa:
    def search(self, query): ...

class AsyncExa(Exa):
    async def search(self, query): ...
"""
BY_TWINS = """\
import asyncio
from exa_py import AsyncExa, Exa

class AsyncNews(Exa):
    def newest(self):
        return self.search("news")

async def handler():
    found = AsyncExa()
    await asyncio.gather(found.search("one"), found.search("two"))
    AsyncNews().newest()
    return Exa().search("three")
"""


@pytest.fixture
def root(project):
    folder = project(app_py=APP)
    site = folder / ".venv/lib/python3.12/site-packages"
    site.mkdir(parents=True)
    (site / "thing.py").write_text(PACKAGE)
    (folder / "unjam.toml").write_text('environment = ".venv"\n')
    return folder


def check_in(checked, root, *, fresh=True):
    return checked(root, fresh=fresh, libraries=True, environment=str(root / ".venv"))


def test_call_into_a_package_that_blocks_inside_is_found(root, checked):
    """The blamed line is the user's; the chain goes on through the package down to the leaf."""
    (problem,) = check_in(checked, root).problems
    assert (problem.rule, problem.line, problem.finding.leaf) == ("UJ101", 7, "time.sleep")
    assert problem.finding.message.startswith("Client.fetch of an installed package leads to time.sleep")
    assert [(link.function, link.kind) for link in problem.finding.chain] == [
        ("handler", "user"),
        ("Client.fetch", "library"),
        ("Client._send", "library"),
    ]


def test_call_is_followed_by_name_where_no_type_is_known(root, checked):
    """A client that is handed on as Any is still that client; what is found so is inferred."""
    (root / "app.py").write_text(UNTYPED)
    (problem,) = check_in(checked, root).problems
    assert (problem.line, problem.finding.leaf, problem.finding.grade) == (12, "time.sleep", Grade.INFERRED)


def test_method_that_a_class_below_fills_in_is_found(root, checked):
    """Whether `load` of a base blocks is told by the class that it is called on, be that of another package."""
    site = root / ".venv/lib/python3.12/site-packages"
    (site / "hooks.py").write_text(HOOKS)
    (site / "loaders.py").write_text(LOADERS)
    (root / "app.py").write_text(LOADING)
    problems = sorted(check_in(checked, root).problems, key=lambda problem: problem.line)
    assert [(problem.line, problem.finding.leaf, problem.finding.grade) for problem in problems] == [
        (8, "time.sleep", Grade.INFERRED),
        (9, "time.sleep", Grade.INFERRED),
    ]
    assert [link.function for link in problems[1].finding.chain] == [
        "handler",
        "Base.load",
        "Base._loaded",
        "Slow.lazily",
    ]


def test_inherited_method_is_found_by_name(root, checked):
    """A class of a package that is known by name only has the methods of its bases, be those of another package."""
    site = root / ".venv/lib/python3.12/site-packages"
    (site / "hooks.py").write_text(HOOKS)
    (site / "loaders.py").write_text(LOADERS)
    (root / "app.py").write_text("import hooks\n" + LOADED_BY_NAME)
    (problem,) = check_in(checked, root).problems
    assert (problem.line, problem.finding.leaf, problem.finding.grade) == (18, "time.sleep", Grade.INFERRED)


def test_what_an_asynchronous_class_defines_anew_is_not_its_bases(root, checked):
    """`AsyncExa.search` makes a coroutine, also where it is awaited later; what such a class only inherits blocks."""
    (root / ".venv/lib/python3.12/site-packages/exa_py.py").write_text(TWINS)
    (root / "app.py").write_text(BY_TWINS)
    problems = checked(root, environment=str(root / ".venv")).problems
    assert {(problem.line, problem.finding.leaf) for problem in problems} == {
        (6, "exa_py.Exa.search"),
        (12, "exa_py.Exa.search"),
    }


def test_without_libraries_nothing_of_it_is_known(root, checked):
    """--no-libs leaves the bodies of packages out."""
    assert checked(root, environment=str(root / ".venv")).problems == []


def test_packages_that_were_read_are_kept_though_the_rest_was_not(root, checked, monkeypatch):
    """Who gives up a long first run begins the next one where it ended."""
    (root / "app.py").write_text("import larger\n" + APP)
    (root / ".venv/lib/python3.12/site-packages/larger.py").write_text(PACKAGE * 2)
    monkeypatch.setattr(libraries, "_PART", 1)
    made, read = libraries._made, []

    def interrupted(files, *more):
        if read:
            raise KeyboardInterrupt
        read.extend(files)
        return made(files, *more)

    monkeypatch.setattr(libraries, "_made", interrupted)
    with pytest.raises(KeyboardInterrupt):
        check_in(checked, root)
    again = []
    monkeypatch.setattr(libraries, "_made", lambda files, *more: again.extend(files) or made(files, *more))
    check_in(checked, root)
    assert [Path(file).name for file in (*read, *again)] == ["thing.py", "larger.py"]


def test_package_that_is_too_large_is_named(root, checked, monkeypatch):
    """What was not read is said, or silence would look like innocence."""
    monkeypatch.setattr(libraries, "LARGEST", 10)
    result = check_in(checked, root)
    assert result.problems == []
    assert "thing: too large to be read; calls into it are followed no further" in result.notices


def test_package_that_we_cannot_cope_with_is_named_and_the_others_are_read(root, checked, monkeypatch):
    """A fault of our own in one package costs that package; those that would have been read with it are read."""
    (root / "app.py").write_text("import odd\n" + APP)
    (root / ".venv/lib/python3.12/site-packages/odd.py").write_text("def x(): ...\n")
    joined = libraries.joined

    def fails(facts, outlines):
        if any(path.endswith("odd.py") for path in outlines):
            raise IndexError("list index out of range")
        return joined(facts, outlines)

    monkeypatch.setattr(libraries, "joined", fails)
    result = check_in(checked, root)
    assert [problem.finding.leaf for problem in result.problems] == ["time.sleep"]
    assert "odd: reading it failed (IndexError: list index out of range); calls into it are followed no further" in (
        result.notices
    )


def test_file_of_a_package_that_we_cannot_cope_with_is_named_and_its_others_are_read(root, checked, monkeypatch):
    """A fault of our own in one file of a package costs that file, and is told again from the cache."""
    site = root / ".venv/lib/python3.12/site-packages"
    (site / "pack").mkdir()
    (site / "pack/__init__.py").write_text(PACKAGE)
    (site / "pack/odd.py").write_text("def x(): ...\n")
    (root / "app.py").write_text(APP.replace("thing", "pack"))
    outline = libraries.outline

    def fails(path, text):
        if path.endswith("odd.py"):
            raise IndexError("list index out of range")
        return outline(path, text)

    monkeypatch.setattr(libraries, "outline", fails)
    notice = (
        "pack/odd.py: reading it failed (IndexError: list index out of range); calls into it are followed no further"
    )
    for _ in range(2):
        result = check_in(checked, root)
        assert [problem.finding.leaf for problem in result.problems] == ["time.sleep"]
        assert notice in result.notices


def test_rest_is_announced_at_the_pace_of_what_was_read():
    """A busy machine takes longer than a free one: how long the rest takes is told by how long the first packages took."""
    small, large = (libraries._Package(top, "", (), size) for top, size in (("small", 2_000_000), ("large", 8_000_000)))
    assert "(large) once; about 80 s are left" in libraries._announced([small, large], 1, [large], spent=20.0)


def test_package_is_read_once(root, checked, monkeypatch):
    """The second check takes the summary from the cache."""
    first = check_in(checked, root).problems
    monkeypatch.setattr(libraries, "_made", lambda *_: pytest.fail("the package was read again"))
    assert check_in(checked, root).problems == first
