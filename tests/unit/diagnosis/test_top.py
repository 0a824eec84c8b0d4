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


@pytest.mark.parametrize(
    ("file", "shown"),
    [("/srv/.venv/bin/uvicorn", False), ("<string>", False), ("/srv/app.py", True)],
    ids=["the launcher", "what starts a worker", "the user's own"],
)
def test_only_the_users_own_line_holds_the_loop(file, shown):
    """Where no frame is the user's, no line is told: who is the user is known by the program and its folders."""
    header = {"program": "uvicorn", "site": ["/srv/.venv/lib/python3.11/site-packages"]}
    events = [
        {
            "e": "stack",
            "id": 1,
            "f": [[file, 8, "<module>", 1], ["/srv/.venv/lib/python3.11/site-packages/x.py", 1, "f", 1]],
        },
        {"e": "stall", "loop": 1, "t0": 0, "t1": None, "samples": [{"stack": 1, "n": 1}]},
    ]
    now = {
        "t": 10_000_000,
        "header": header,
        "events": events,
        "loops": [{"loop": 1, "away_since_ns": 0, "away_ns": 0}],
    }
    view = picture({7: (None, now)}, {})
    assert [row.place is not None for row in (*view.loops, *view.stalls)] == [shown, shown]
