"""The judge itself: it must be able to condemn."""

from pathlib import Path

import pytest
from expectations import Expectation, Program
from judging import Run, complaints, is_starved

EXPECTED = Expectation("UJ101", "sleep.py", 7, {"leaf": "time.sleep", "count": "1"})
FINDING = {
    "rule": "UJ101",
    "grade": "exact",
    "culprit": {"file": "sleep.py", "line": 7, "function": "main"},
    "leaf": "time.sleep",
    "count": 1,
    "total_ms": 151.0,
    "thread": "MainThread",
    "task": None,
    "victims": [],
    "message": "time.sleep held the loop",
    "evidence": [{"kind": "os", "text": "clock_nanosleep"}],
    "accounted_ms": {"runqueue": 0.0},
}


def judged(*findings, expected=(EXPECTED,), tier="native", loop="asyncio"):
    program = Program(Path("sleep.py"), expected, {})
    return complaints(Run(program, tier, loop, {"findings": list(findings)}, "measured stall 150.0\n"))


def test_agreement_is_silent():
    """What was expected was found: nothing to say."""
    assert judged(FINDING) == []


def test_a_missed_alarm_is_named():
    """Nothing found where a fault is."""
    assert judged() == ["missed alarm: sleep.py:7 UJ101 leaf=time.sleep count=1"]


def test_a_false_alarm_is_named():
    """Something found where nothing is expected."""
    assert [line.partition(":")[0] for line in judged(FINDING, expected=())] == ["false alarm"]


def test_nobody_is_less_than_anybody():
    """Of whom it is expected that nobody waited, nobody may be named, nor counted."""
    expected = (Expectation("UJ101", "sleep.py", 7, {"victims": "none"}),)
    assert judged(FINDING, expected=expected) == []
    assert len(judged(FINDING | {"victims": [{"kind": "task", "name": "it"}]}, expected=expected)) == 1
    assert len(judged(FINDING | {"victim_count": 1}, expected=expected)) == 1


@pytest.mark.parametrize("tier", ["native", "python"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("words", [{"late": "/quick"}, {"holder": "/slow"}], ids=str)
def test_requests_are_asked_for_where_they_can_be_known(words, loop, tier):
    """Everywhere but by the twin on uvloop, whose steps it does not see."""
    expected = (Expectation("UJ101", "sleep.py", 7, words),)
    told = FINDING | {
        "victims": [{"kind": "request", "name": "GET /quick"}],
        "evidence": [{"kind": "steps", "text": "in /slow"}],
    }
    assert judged(told, expected=expected, tier=tier, loop=loop) == []
    unknown = (tier, loop) == ("python", "uvloop")
    assert len(judged(FINDING, expected=expected, tier=tier, loop=loop)) == (0 if unknown else 1)


@pytest.mark.parametrize(
    "other",
    [
        {"rule": "UJ102"},
        {"culprit": {"file": "sleep.py", "line": 8, "function": "main"}},
        {"culprit": None},
        {"leaf": "os.sleep"},
        {"count": 2},
        {"grade": "suspected"},
        {"total_ms": 130.0},
        {"total_ms": 250.0},
    ],
    ids=str,
)
def test_every_difference_counts(other):
    """Another rule, line, leaf, count, a weaker grade, another length: each is a complaint."""
    assert judged(FINDING | other) != []


def test_many_leaves_of_one_line_are_one_fault():
    """A computation has many leaves: where none is expected, their times add up."""
    expected = Expectation("UJ101", "sleep.py", 7, {})
    halves = [FINDING | {"leaf": leaf, "total_ms": 75.0} for leaf in ("one", "other")]
    assert judged(*halves, expected=(expected,)) == []
    assert judged(*halves) != []


def test_no_cpu_is_no_accusation():
    """A busy machine under the tests is nobody's fault."""
    assert judged(FINDING, FINDING | {"rule": "UJ502", "culprit": None}) == []
    fired = FINDING | {"rule": "UJ701", "culprit": None}
    assert judged(FINDING, fired | {"leaf": "run queue"}) == []
    assert judged(FINDING, fired | {"leaf": "time.sleep"}) != []


def starved(starved_ms, *findings):
    program = Program(Path("sleep.py"), (EXPECTED,), {})
    report = {"findings": list(findings), "loops": [{"stalled_ms": 151.0}]}
    return is_starved(Run(program, "native", "asyncio", report, f"measured stall 150.0\nstarved {starved_ms}\n"))


@pytest.mark.parametrize(("starved_ms", "excused"), [(30, False), (60, False), (90, True)])
def test_only_a_starved_run_is_excused(starved_ms, excused):
    """The machine is an excuse from half of the held time on, by the program's own measure, and not by what unjam says."""
    assert starved(starved_ms) is excused


@pytest.mark.parametrize(
    ("stretch", "excused"),
    [("180.0 100.0 3.0", True), ("180.0 3.0 100.0", True), ("180.0 60.0 60.0", False), ("60.0 39.0 39.0", False)],
)
def test_a_stretch_without_a_cpu_is_excused(stretch, excused):
    """The loop, or who watches it, had no CPU for half of the stretch in which the fault was: it may not show, whatever the rest of the run was like."""
    program = Program(Path("sleep.py"), (EXPECTED,), {})
    report = {"findings": [], "loops": [{"stalled_ms": 1510.0}]}
    output = f"measured stall 1500.0\nstretch {stretch}\nstretch 20.1 0.0 0.0\nstarved 100.0\n"
    assert is_starved(Run(program, "native", "asyncio", report, output)) is excused


@pytest.mark.parametrize(("header", "excused"), [({}, False), ({"blind": "yes"}, True)])
def test_where_unjam_is_blind_less_hides_a_fault(header, excused):
    """Without /proc nothing tells work from the lack of a CPU: one threshold's worth of it is enough."""
    program = Program(Path("sleep.py"), (EXPECTED,), header)
    report = {"findings": [], "loops": [{"stalled_ms": 151.0}]}
    assert is_starved(Run(program, "native", "asyncio", report, "measured stall 150.0\nstarved 50.0\n")) is excused


@pytest.mark.parametrize(
    ("findings", "excused"),
    [
        ((), True),
        ((FINDING | {"count": 2},), True),
        ((FINDING | {"grade": "suspected", "total_ms": 60.0},), True),
        ((FINDING | {"leaf": "other"},), False),
        ((FINDING | {"rule": "UJ102"},), False),
        ((FINDING, FINDING | {"culprit": {"file": "sleep.py", "line": 8, "function": "main"}}), False),
    ],
)
def test_no_lack_of_cpu_excuses_an_accusation(findings, excused):
    """Without a CPU less may be seen of a fault, but it is no other one, and nobody else's."""
    assert starved(1000, *findings) is excused


@pytest.mark.parametrize(("starved_ms", "agrees"), [(60, True), (10, False)])
def test_time_without_a_cpu_makes_a_cause_longer(starved_ms, agrees):
    """What both the program and the accounting call time without a CPU is no part of the cause that carries it."""
    program = Program(Path("sleep.py"), (EXPECTED,), {})
    found = FINDING | {"total_ms": 217.0, "accounted_ms": {"runqueue": 66.0}}
    output = f"measured stall 150.0\nstarved {starved_ms}\n"
    assert (complaints(Run(program, "native", "asyncio", {"findings": [found]}, output)) == []) is agrees
    exact = found | {"total_ms": 151.0}
    assert complaints(Run(program, "native", "asyncio", {"findings": [exact]}, output)) == []


def test_what_is_expected_of_one_tier_binds_only_that():
    """`only=python` asks nothing of the core, and excuses nothing there."""
    expected = (Expectation("UJ101", "sleep.py", 7, {"only": "python"}),)
    assert judged(expected=expected) == []
    assert [line.partition(":")[0] for line in judged(FINDING, expected=expected)] == ["false alarm"]
    assert [line.partition(":")[0] for line in judged(expected=expected, tier="python")] == ["missed alarm"]


@pytest.mark.parametrize(
    ("tier", "loop", "missed"),
    [("native", "uvloop", 1), ("python", "asyncio", 1), ("python", "uvloop", 0)],
)
def test_what_one_of_two_sees_may_be_missed_by_neither(tier, loop, missed):
    """`required=native|asyncio` excuses only who is neither."""
    expected = (Expectation("UJ101", "sleep.py", 7, {"required": "native|asyncio"}),)
    run = Run(Program(Path("sleep.py"), expected, {}), tier, loop, {"findings": []}, "")
    assert len(complaints(run)) == missed


def test_a_grade_may_be_asked_of_one_loop():
    """`grade-asyncio` counts there, whatever is enough elsewhere."""
    expected = (Expectation("UJ101", "sleep.py", 7, {"grade-asyncio": "proved"}),)
    assert len(judged(FINDING, expected=expected)) == 1
