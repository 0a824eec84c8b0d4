"""Laws of patching: undone in reverse and only while ours; imports are watched without getting in each other's way."""

import importlib
import sys
from types import SimpleNamespace

import pytest

from unjam.probes.patching import ImportWatch, Patches


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "imported_later.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "imported_later"
    sys.modules.pop("imported_later", None)


def test_two_watches_do_not_ask_each_other_for_ever(module):
    """Each asks the finders behind it: a second monitor in the process, or a tool that does the same, ends somewhere."""
    told, watches = [], [ImportWatch(), ImportWatch()]
    for number, watch in enumerate(watches):
        watch.when_imported(module, lambda found, number=number: told.append((number, found.value)))
    importlib.import_module(module)
    for watch in watches:
        watch.stop()
    assert [(0, 1), (1, 1)] == sorted(told)


def test_the_loader_is_given_back(module):
    """What the program sees of its module is what it would see without us."""
    watch = ImportWatch()
    watch.when_imported(module, lambda found: None)
    found = importlib.import_module(module)
    watch.stop()
    assert type(found.__loader__) is type(found.__spec__.loader)
    assert type(found.__loader__).__module__ == "_frozen_importlib_external"


def test_what_stands_in_the_place_of_a_function_bears_its_name():
    """It waits in a loop's queue in the name of the program's function, not in that of what watches."""

    class Owner:
        def fire(self):
            return 1

    def watching(original):
        def ours(self):
            return original(self) + 1

        return ours

    patches = Patches()
    patches.replace(Owner, "fire", watching)
    assert (Owner().fire(), Owner.fire.__qualname__.rpartition(".<locals>.")[2]) == (2, "Owner.fire")


def test_only_what_is_still_ours_is_undone():
    """Somebody else's later replacement stays; ours before it is put back where it is on top."""
    owner = SimpleNamespace(one="original", two="original")
    patches = Patches()
    patches.replace(owner, "one", lambda original: "ours")
    patches.replace(owner, "two", lambda original: "ours")
    owner.two = "theirs"
    patches.undo()
    assert ("original", "theirs") == (owner.one, owner.two)


def test_who_is_called_may_have_others_wait_for_the_same_module(module):
    """One that comes with the module asks for it while it is still being imported: it is called, too."""
    told, watch = [], ImportWatch()
    watch.when_imported(module, lambda found: watch.when_imported(module, lambda again: told.append(again.value)))
    importlib.import_module(module)
    watch.stop()
    assert [1] == told
