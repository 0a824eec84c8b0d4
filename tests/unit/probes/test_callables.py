"""Laws of naming what is called: by fields that the interpreter owns, and as the user wrote it."""

from functools import partial

import pytest

from unjam.probes.callables import called


class Meta(type):
    """As abc.ABCMeta is one."""


class Made(metaclass=Meta):
    """A class whose class is not `type`."""

    def __call__(self):
        raise NotImplementedError


def rows():
    yield


def line(code):
    return code.co_firstlineno


@pytest.mark.parametrize(
    ("what", "name", "at"),
    [
        (rows, "rows", line(rows.__code__)),
        (partial(rows), "rows", line(rows.__code__)),
        (rows(), "rows", line(rows.__code__)),
        (Made, "Made", 0),
        (Made(), "Made", 0),
        (int, "int", 0),
        ([].append, "list.append", 0),
    ],
    ids=["function", "partial", "generator", "class", "instance", "built-in class", "built-in method"],
)
def test_what_is_called_has_the_name_that_the_user_gave_it(what, name, at):
    """A class is not told as its metaclass, and a generator is told by its function."""
    found = called(what)
    assert (name, at) == (found.name.removeprefix(f"{__name__}."), found.line)
    assert found.file == (__file__ if at else "")
