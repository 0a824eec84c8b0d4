import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unjam.errors import RecordingError
from unjam.model.lines import encode
from unjam.model.stacks import Frame
from unjam.recording.reader import parse_process, read

HEADER = {"e": "process", "t": 1, "v": 1, "pid": 7, "tier": "", "python": "3.11.7"}


def lines(*events):
    return [encode(event) for event in events]


def test_a_process_is_its_header_events_and_stacks():
    """Stacks are found by id, the rest stays in order."""
    stack = {"e": "stack", "t": 2, "id": 4, "f": [["a.py", 3, "f", 1, 3, 9, "c"]]}
    process = parse_process(
        lines(HEADER, stack, {"e": "loop", "t": 3, "loop": 1}, {"e": "end", "t": 4, "reason": "exit"})
    )
    assert process.pid == 7
    assert [event["e"] for event in process.events] == ["loop", "end"]
    assert process.stacks == {4: (Frame("a.py", 3, "f", 1, 3, 9, "coroutine"),)}
    assert not process.killed


def test_frames_that_stacks_share_stand_in_one_of_them():
    """A stack is whole however it was written; one whose other part was lost is not known."""
    server, mine, other = ["s.py", 1, "serve"], ["a.py", 3, "f"], ["a.py", 4, "f"]
    first = {"e": "stack", "t": 2, "id": 4, "f": [server, mine]}
    process = parse_process(
        lines(HEADER, first, {**first, "id": 5, "base": [4, 1], "f": [other]}, {**first, "id": 6, "base": [3, 1]})
    )
    assert {number: [frame.line for frame in stack] for number, stack in process.stacks.items()} == {
        4: [1, 3],
        5: [1, 4],
    }


def test_stacks_that_are_not_whole_are_told():
    """Whoever concludes from a stack knows whether the walk reached its end."""
    whole = {"e": "stack", "t": 2, "id": 4, "f": [["a.py", 3, "f"]], "whole": True}
    process = parse_process(
        lines(HEADER, whole, {**whole, "id": 5, "whole": False}, {**whole, "id": "x", "whole": False})
    )
    assert (set(process.stacks), process.partial) == ({4, 5}, frozenset({5}))


def test_a_later_header_completes_the_first():
    """What only the first loop shows (tier, what cannot be observed) comes in a second header line."""
    process = parse_process(lines(HEADER, {"e": "process", "t": 2, "v": 1, "tier": "native"}))
    assert (process.header["tier"], process.header["python"]) == ("native", "3.11.7")


def test_a_killed_process_loses_its_torn_line_only():
    """The torn last line of a killed process is counted, the rest is read."""
    process = parse_process([*lines(HEADER, {"e": "loop", "t": 3, "loop": 1}), b'{"e":"stats","t":4,"lo'])
    assert (process.killed, process.torn, len(process.events)) == (True, 1, 1)


def test_the_end_of_the_command_is_known_where_it_was_killed(tmp_path):
    """`unjam run` saw when it ended: that belongs to the last image of its pid, and to no other process."""
    (tmp_path / "meta.json").write_text(json.dumps({"pid": 7, "ended_ns": 99}))
    (tmp_path / "7.jsonl").write_bytes(b"".join(lines(HEADER)))
    (tmp_path / "7.1.jsonl").write_bytes(b"".join(lines({**HEADER, "t": 5})))
    (tmp_path / "8.jsonl").write_bytes(b"".join(lines({**HEADER, "pid": 8})))
    found = {(each.pid, each.header["t"]): each.ended_ns for each in read(tmp_path).processes}
    assert {(7, 1): None, (7, 5): 99, (8, 1): None} == found


def test_an_orderly_end_needs_no_other(tmp_path):
    """A process that has written its own end is asked, not the one that waited for it."""
    (tmp_path / "meta.json").write_text(json.dumps({"pid": 7, "ended_ns": 99}))
    (tmp_path / "7.jsonl").write_bytes(b"".join(lines(HEADER, {"e": "end", "t": 4, "reason": "exit"})))
    assert [None] == [each.ended_ns for each in read(tmp_path).processes]


def test_what_the_process_lost_is_summed():
    """Dropped events are counted, not forgotten."""
    process = parse_process(
        lines(
            HEADER,
            {"e": "lost", "t": 1, "events": 3},
            {"e": "lost", "t": 2, "events": 4},
            {"e": "lost", "t": 3, "events": "many"},
        )
    )
    assert process.dropped == 7


def test_a_newer_format_is_refused_with_the_way_out(tmp_path):
    """A recording of a newer unjam is refused in one line that says what to do."""
    (tmp_path / "7.jsonl").write_bytes(encode({**HEADER, "v": 99, "unjam": "9.0"}))
    with pytest.raises(RecordingError, match=r"format 99 by a newer unjam \(9\.0\).*pip install"):
        read(tmp_path)


WORDS = st.sampled_from(["e", "t", "v", "f", "id", "events"])
VALUES = (
    st.none()
    | st.integers(max_value=1)
    | st.text(max_size=4)
    | st.lists(st.lists(st.integers(), max_size=8), max_size=2)
)
GARBAGE = st.binary(max_size=40) | st.dictionaries(WORDS, VALUES).map(lambda event: json.dumps(event).encode())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(GARBAGE, max_size=6))
def test_garbage_is_counted_and_never_raises(garbage):
    """Whatever the bytes are, reading ends with a process."""
    process = parse_process([b"%b\n" % line.replace(b"\n", b"") for line in garbage])
    assert process.torn <= len(garbage)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "cannot be read"),
        (lambda path: path.write_text("x"), "is a file"),
        (lambda path: path.mkdir(), "is not a recording"),
    ],
)
def test_what_is_no_recording_is_refused_in_one_line(tmp_path, make, words):
    """A wrong path is one clear line."""
    make(tmp_path / "x")
    with pytest.raises(RecordingError, match=words) as caught:
        read(tmp_path / "x")
    assert "\n" not in str(caught.value)


def test_an_empty_or_headless_file_is_a_problem_said(tmp_path):
    """A file without a header is said, the other processes are read."""
    (tmp_path / "8.jsonl").write_bytes(b"")
    (tmp_path / "7.jsonl").write_bytes(encode(HEADER))
    recording = read(tmp_path)
    assert [process.pid for process in recording.processes] == [7, 8]
    assert recording.problems == ("8.jsonl has no header: nothing is known of that process",)
