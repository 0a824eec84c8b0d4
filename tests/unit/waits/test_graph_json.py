"""The graph as JSON: what is written is read back, and what is not one is refused in one line."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unjam.diagnosis.hang import verdict
from unjam.errors import RecordingError
from unjam.model.findings import Grade, Location
from unjam.model.waits import Edge, Graph, Node, from_json, to_json

GRAPH = Graph(
    7,
    "3.13.0",
    12,
    nodes={
        "task:1": Node("task:1", "task", "task 'é\\x1b'", "all", "s", 0, {"state": "waits"}),
        "lock:1": Node("lock:1", "lock", "LOCK", "all"),
    },
    edges=(Edge("task:1", "lock:1", "waits for", Grade.PROVED, "futex", Location("a.py", 3, "f"), 12.5),),
    stacks=((("a.py", 3, "f"),),),
    not_observed=("x",),
    truncated={"tasks": 3},
    moved=frozenset({"lock:1"}),
    apart_ms=200.0,
)


def test_a_graph_survives_its_json():
    """Every field is read back as it was."""
    assert from_json(json.loads(json.dumps(to_json(GRAPH)))) == GRAPH


def test_a_newer_version_is_refused():
    """A reader says that it is too old instead of guessing."""
    with pytest.raises(RecordingError, match="version 99"):
        from_json({**to_json(GRAPH), "v": 99})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(sorted(to_json(GRAPH))), anything)
@example("pid", float("inf"))
@example("took_ms", 10**400)
@example("truncated", {"tasks": float("inf")})
def test_garbage_in_a_field_is_refused_or_read_never_raised(field, value):
    """Whatever a field of a dump holds, the reader refuses it by a RecordingError or reads a graph that can be judged."""
    try:
        graph = from_json({**to_json(GRAPH), field: value})
    except RecordingError:
        return
    verdict(graph)


@given(anything)
def test_garbage_is_refused(value):
    """What is not a graph at all is refused."""
    with pytest.raises(RecordingError):
        from_json(value)
