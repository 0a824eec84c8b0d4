"""Laws of what is kept between checks: it makes them faster and never other than a check with nothing kept."""

import dataclasses
import shutil

import pytest

from unjam.static import cache

APP = """\
import asyncio, time
from base import Base
from helpers import fetch, save, wait

class Own(Base):
    def load(self):
        return self.read()

async def main(own: Own, path):
    own.load()
    wait()
    save(path)
    await asyncio.to_thread(fetch)
"""
BASE = """\
import time

class Base:
    def read(self):
        return self.again()

    def again(self):
        time.sleep(1)
"""
HELPERS = """\
import time, urllib.request

def wait(): ...

def save(path): ...

def fetch():
    return urllib.request.urlopen("https://example.org")
"""
OTHERS = {f"other{number}.py": f"def f{number}(): ...\n" for number in range(30)}
"""Files that do not change: so many that one changed file is kept apart."""

EDITS = {
    "lines moved": {"app.py": "\n\n" + APP},
    "a helper begins to block": {"helpers.py": HELPERS.replace("def wait(): ...", "def wait(): time.sleep(2)")},
    "another base class": {
        "base.py": BASE.replace("class Base:", "class Top:\n    def read(self): ...\n\nclass Base(Top):")
    },
    "an override": {
        "other0.py": "import time\nfrom base import Base\n\nclass More(Base):\n    def again(self): time.sleep(3)\n"
    },
    "an offload appears": {"app.py": APP.replace("    wait()\n", "    await asyncio.to_thread(own.load)\n")},
    "a wrapper offloads": {
        "other1.py": "import asyncio\n\nasync def aside(work): await asyncio.to_thread(work)\n",
        "app.py": APP.replace("    own.load()", "    from other1 import aside\n    await aside(own.load)"),
    },
    "a function renamed": {"helpers.py": HELPERS.replace("def save(path): ...", "def store(path): open(path).read()")},
    "a file gone": {"base.py": None},
    "a file comes": {"save.py": HELPERS, "app.py": APP.replace("from helpers", "from save")},
    "a name of another module": {
        "other2.py": "import time\nwait = time.sleep\n",
        "app.py": APP + "    import other2\n    other2.wait(1)\n",
    },
    "a file that cannot be parsed": {"helpers.py": "def wait(:\n"},
}


def told(result):
    return dataclasses.asdict(result)


def change(root, texts):
    for name, text in texts.items():
        (root / name).unlink() if text is None else (root / name).write_text(text)


@pytest.fixture
def app(project, monkeypatch, tmp_path_factory):
    """A project of some files, with a cache of its own."""
    monkeypatch.setenv("UNJAM_CACHE", str(tmp_path_factory.mktemp("kept")))
    root = project()
    change(root, {"app.py": APP, "base.py": BASE, "helpers.py": HELPERS, **OTHERS})
    return root


def test_changed_project_is_checked_as_one_that_nothing_is_kept_of(app, checked):
    """After each change, made to what was kept of the one before, all that a check tells is what it tells with nothing kept."""
    first = told(checked(app, fresh=False))
    for what, edit in EDITS.items():
        before = {name: (app / name).read_text() if (app / name).exists() else None for name in edit}
        change(app, edit)
        changed = told(checked(app, fresh=False))
        assert (what, told(checked(app))) == (what, changed)
        assert first != changed, what
        change(app, before)
    shutil.rmtree(cache.folder() / "results")
    assert first == told(checked(app, fresh=False))


def test_one_changed_file_costs_no_writing_of_all(app, checked):
    """The outlines of the files that have not changed are not written again, and those of the others are found again."""
    checked(app, fresh=False)
    (most,) = (cache.folder() / "outlines").iterdir()
    written = most.stat().st_ino
    change(app, EDITS["a helper begins to block"])
    checked(app, fresh=False)
    (recent,) = (cache.folder() / "recent-outlines").iterdir()
    assert written == most.stat().st_ino
    assert [str(app / "helpers.py")] == list(cache.load("recent-outlines", recent.name))


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-9], lambda data: data[:40] + b"x" + data[41:], lambda _data: b"", lambda _data: b"no"]
)
def test_damaged_cache_is_made_anew(app, checked, spoil):
    """Of what is cut off, changed or no cache at all nothing is believed, and the check tells the same."""
    first = told(checked(app, fresh=False))
    change(app, {"other0.py": "def g(): ...\n"})
    checked(app, fresh=False)
    kept = [path for kind in ("results", "outlines", "recent-outlines") for path in (cache.folder() / kind).iterdir()]
    for path in kept:
        path.write_bytes(spoil(path.read_bytes()))
    change(app, {"other0.py": OTHERS["other0.py"]})
    assert first == told(checked(app, fresh=False))
    assert len(kept) >= 4
