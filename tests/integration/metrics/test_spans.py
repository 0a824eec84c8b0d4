"""Laws of traces: a stall is a span below the span that held the loop and below each that it delayed, and below no other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "traced.py"
LEAST_S = 0.75


def tells_inherited(kind):
    """Where the context of a child task is known: by its handles on asyncio, by the task from Python 3.12 on, with turns to check it by."""
    return kind.startswith("asyncio") or (kind == "uvloop-native" and sys.version_info >= (3, 12))


@pytest.fixture(scope="module")
def spans(kind):
    """All spans of the program; on uvloop nobody sees who waited."""
    loop, tier = kind.split("-")
    expected = 4 if loop == "asyncio" else 1 + tells_inherited(kind)
    done = subprocess.run(
        [sys.executable, PROGRAM, loop, str(expected)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=os.environ | {"UNJAM_TIER": tier},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


def stalls_of(spans, parent):
    """The spans of stalls of 0.8 s below a span, by their length: a busy machine makes other ones, and the twin may name no cause there."""
    mine = [span for span in spans if span["name"] == "event_loop_blocked" and span["parent"] == parent]
    return [span for span in mine if span["end"] - span["start"] >= 600_000_000]


def only(spans, name):
    (span,) = (span for span in spans if span["name"] == name)
    return span


def test_the_span_that_held_the_loop_has_the_stall(spans):
    """The innermost of a task that began and ended within one step, with the cause and the culprit; back-dated to the stall."""
    (stall,) = stalls_of(spans, "render")
    said = stall["attributes"]
    assert (said["unjam.role"], said["unjam.rule"], said["unjam.leaf"]) == ("holder", "UJ101", "time.sleep")
    assert (said["code.file.path"], said["code.function.name"]) == (str(PROGRAM), "request")
    source = PROGRAM.read_text().splitlines()
    assert "# the holder" in source[said["code.line.number"] - 1]
    assert stall["end"] - stall["start"] >= LEAST_S * 1e9
    render = only(spans, "render")
    assert min(stall["end"], render["end"]) - max(stall["start"], render["start"]) >= LEAST_S * 1e9
    assert stalls_of(spans, "request") == []


def test_a_span_that_a_task_inherits_has_it_too(spans, kind):
    """The child task that held the loop has no span of its own, its context has."""
    found = stalls_of(spans, "parent")
    assert [span["attributes"]["unjam.role"] for span in found] == ["holder"] * tells_inherited(kind)


@pytest.mark.parametrize("name", ["waiting 0", "waiting 1"])
def test_a_span_that_was_delayed_has_it_and_names_the_holder(spans, kind, name):
    """From when it was due until it ran, linked to the span that held the loop, and as an event of its own."""
    found, waiting = stalls_of(spans, name), only(spans, name)
    if kind.startswith("uvloop"):
        assert (found, waiting["events"]) == ([], [])
        return
    (stall,) = found
    assert (stall["attributes"]["unjam.role"], stall["links"]) == ("delayed", ["render"])
    assert waiting["start"] <= stall["start"] < stall["end"] <= waiting["end"]
    events = [said for event, said in waiting["events"] if said["unjam.duration"] >= LEAST_S - 0.1]
    assert [said["unjam.role"] for said in events] == ["delayed"]


def test_a_stall_outside_of_any_span_makes_none(spans):
    """No span is accused that had nothing to do with it, and no trace is made up."""
    assert {span["parent"] for span in spans if span["name"] == "event_loop_blocked"} <= {
        "render",
        "parent",
        "waiting 0",
        "waiting 1",
    }
