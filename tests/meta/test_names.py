"""The public names: those listed, those visible and those documented are the same."""

import inspect

import pytest

import unjam


def test_what_is_listed_is_what_is_visible():
    """`dir(unjam)` shows `unjam.__all__`, and each name of it is there."""
    assert dir(unjam) == sorted(unjam.__all__)
    assert [name for name in unjam.__all__ if not hasattr(unjam, name)] == []


@pytest.mark.parametrize("name", [name for name in unjam.__all__ if name != "__version__"])
def test_every_public_name_is_documented(name):
    """Whoever asks `help(unjam.x)` gets an answer."""
    assert inspect.getdoc(getattr(unjam, name))
