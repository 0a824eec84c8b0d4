"""The public names: those listed, those visible and those documented are the same."""

import inspect
import types

import unjam


def visible(module):
    return {
        name
        for name in dir(module)
        if not name.startswith("_")
        and not isinstance(getattr(module, name), types.ModuleType)
        and name != "annotations"
    }


def test_what_is_listed_is_what_is_visible():
    """`unjam.__all__` and the names that `dir(unjam)` shows are the same, the version aside."""
    assert set(unjam.__all__) - {"__version__"} == visible(unjam)


def test_every_public_name_is_documented():
    """Whoever asks `help(unjam.x)` gets an answer."""
    public = [getattr(unjam, name) for name in unjam.__all__ if name != "__version__"]
    assert [thing for thing in public if callable(thing) and not inspect.getdoc(thing)] == []
