"""The live view's rows from answers of processes."""

import pytest

from unjam.diagnosis.top import picture

APP = ["/app/app.py", 6, "stall", 1]


@pytest.mark.parametrize(
    ("frames", "leaf"), [([APP], ""), ([APP, ["/usr/lib/python3.11/socket.py", 700, "connect", 1]], "connect")]
)
def test_a_stall_names_its_function_once(frames, leaf):
    """The innermost function is told beside the program's own line only where it is another one."""
    events = [
        {"e": "stack", "id": 1, "f": frames},
        {"e": "stall", "loop": 1, "t0": 0, "t1": 5_000_000, "samples": [{"stack": 1, "n": 1}]},
    ]
    (stall,) = picture({7: (None, {"t": 10_000_000, "events": events})}, {}).stalls
    assert (stall.place.function, stall.leaf) == ("stall", leaf)
