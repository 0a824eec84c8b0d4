import json
import math

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unjam.model.lines import LONGEST_NAME, encode, printable

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text(), VALUES))
def test_a_line_is_what_json_reads_back(event):
    """A line is one line of ASCII and means the same to every JSON reader."""
    line = encode(event)
    assert line.count(b"\n") == 1
    assert json.loads(line) == event


def test_what_json_cannot_say_becomes_null():
    """An event with a foreign object in it is still written."""
    assert json.loads(encode({"a": math.nan, "b": object(), "c": "\ud800"})) == {"a": None, "b": None, "c": "\ud800"}


class Loud(str):
    __slots__ = ()

    def __getitem__(self, index):
        raise AssertionError("code of the program was run")


def test_names_are_bounded_and_harmless():
    """A name that the program chose cannot run its code, grow the recording or play with a terminal."""
    assert printable("a\x1b[31m\nb") == "a\\x1b[31m\\nb"
    assert printable("x" * 1000) == "x" * LONGEST_NAME
    assert printable(Loud("x")) == "?"
