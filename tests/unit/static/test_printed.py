"""Laws of reading what the type checker prints: what is read while it still works is what is read when it has ended."""

import os
import shutil
from pathlib import Path

import pytest

from unjam.static import printed
from unjam.static.checker import Request, Run
from unjam.static.facts import _Reader
from unjam.static.printed import Printed
from unjam.static.project import Settings, found

SOURCES = {
    "base.py": "class Base:\n    def run(self): ...\n    @property\n    def size(self): return 1\n",
    "app.py": (
        "import asyncio\nfrom base import Base\n\nclass Own(Base):\n    def run(self): return f'{self.size}'\n\n"
        "async def main(own: Base):\n    own.run()\n    await asyncio.to_thread(own.run)\n    len([x for x in (1, 2)])\n"
    ),
}


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """A copy of what the type checker prints of two files, and their paths."""
    root = tmp_path_factory.mktemp("printed")
    for name, text in SOURCES.items():
        (root / name).write_text(text)
    here = found([str(root)], Settings())
    run = Run(Request(here.files, here.roots, (), here.python_version))
    try:
        run.check()
        shutil.copytree(run.printed, root / "out")
    finally:
        run.close()
    return root / "out", frozenset(here.files)


@pytest.fixture
def growing(output, tmp_path):
    """An output folder to which files come, as while the type checker works; `come(beginning)` says which."""
    whole, wanted = output
    folder = tmp_path / "out"

    def come(beginning: str = "", *, cut: bool = False) -> None:
        for path in whole.rglob(f"{beginning}*.json"):
            copy = folder / path.relative_to(whole)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes()[: 300 if cut else None])

    return folder, wanted, come


def facts_from(reader: Printed, wanted: frozenset[str]):
    return _Reader(reader, wanted).facts("1.4")


def read_at_the_end(output):
    folder, wanted = output
    return facts_from(Printed(folder, wanted), wanted)


@pytest.mark.parametrize("cut", [False, True], ids=["whole", "half written"])
def test_what_is_read_early_is_what_is_read_at_the_end(output, growing, cut):
    """Facts are the same whether a file was there early, came later, or was half written when it was looked at."""
    folder, wanted, come = growing
    reader = Printed(folder, wanted)
    reader.early()
    come("app:", cut=cut)
    reader.early()
    come()
    reader.early()
    assert read_at_the_end(output) == facts_from(reader, wanted)


def test_what_was_read_early_is_not_read_again(growing, monkeypatch):
    """The files of the project that were there before the end, and those that its calls mean, are not parsed after it."""
    folder, wanted, come = growing
    reader = Printed(folder, wanted)
    come()
    reader.early()
    parsed = []
    load = printed._load
    monkeypatch.setattr(printed, "_load", lambda path: parsed.append(Path(path).name.partition(":")[0]) or load(path))
    facts_from(reader, wanted)
    assert not {"app", "base", "builtins"} & set(parsed)
    assert "pyrefly.pysa.json" in parsed


def test_file_that_has_changed_since_is_read_again(output, growing):
    """Of a file that was read early and written again, what it holds at the end counts."""
    folder, wanted, come = growing
    reader = Printed(folder, wanted)
    come()
    graph = next((folder / "call_graphs").glob("app:*"))
    whole = graph.read_bytes()
    graph.write_bytes(whole.partition(b'"call_graphs":')[0] + b'"call_graphs":{}}')
    reader.early()
    graph.write_bytes(whole)
    os.utime(graph, ns=(1, 1))
    assert read_at_the_end(output) == facts_from(reader, wanted)


def test_only_the_project_is_read_early(growing, monkeypatch):
    """The call graphs of other modules are not asked for, and cost no more than a look at how they begin."""
    folder, wanted, come = growing
    come()
    asked: list[str] = []
    monkeypatch.setattr(Printed, "graph", lambda _self, name: asked.append(name.partition(":")[0]))
    Printed(folder, wanted).early()
    assert sorted(Path(path).stem for path in wanted) == sorted(asked)
