"""Stalls that nobody looked at in time: what their threads waited for a CPU may have been before them, and is laid to nobody."""

import pytest
from stories import MS, Story, cpu, kernel, only, ready

from unjam.model.findings import Grade

CODE = """
import time
async def handler(rows):
    time.sleep(1)
    for row in rows:
        row += 1
"""
WHY = "the first look came late, as on a busy machine"


def story(snippet):
    told = Story()
    return told, told.stack(told.frame(told.file("late.py", CODE), snippet, "handler"))


def only_sure(told):
    """The one finding that has a cause."""
    (finding,) = (each for each in told.told().findings if each.rule)
    return finding


def test_a_sleeping_turn_that_nobody_looked_at_in_time_is_not_starved():
    """80 ms, asleep when somebody looked from 40 ms on: whether its thread waited for a CPU until then, and only then made a stall, is not known."""
    told, stack = story("time.sleep(1)")
    told.stall(80, kernel(4, stack, "clock_nanosleep", between=(40, 78)), cpu_ms=1, runq_ms=0, runq_unsure_ms=40)
    finding = only(told.told())
    assert (finding.rule, finding.culprit, finding.grade) == ("", None, Grade.UNKNOWN)
    assert f"{WHY}, and for up to 40 ms" in finding.message


def test_an_unknown_turn_that_was_looked_at_in_time_does_not_say_otherwise():
    """Where several things were met for a look each, no look came late."""
    told = Story()
    path = told.file("late.py", CODE)
    stacks = [
        told.stack(told.frame(path, snippet, f"f{n}")) for n, snippet in enumerate(("row += 1", "for row", "import"))
    ]
    told.stall(
        60, *(cpu(1, stack, between=(15 * n, 15 * n)) for n, stack in enumerate(stacks, 1)), cpu_ms=60, runq_ms=0
    )
    finding = only(told.told())
    assert finding.rule == ""
    assert WHY not in finding.message


@pytest.mark.parametrize("sample", [cpu, ready])
def test_a_starved_turn_that_nobody_looked_at_in_time_accuses_no_line(sample):
    """The line that was at work when somebody looked used 15 ms of a CPU: the rest is not laid to it, wherever it went."""
    told, stack = story("row += 1")
    told.stall(300, sample(5, stack, moved=4, between=(250, 297)), cpu_ms=15, runq_ms=25, runq_unsure_ms=240)
    finding = only(told.told())
    assert (finding.rule, finding.culprit, finding.grade) == ("", None, Grade.UNKNOWN)
    assert WHY in finding.message


def test_a_turn_that_lacked_a_cpu_after_the_first_look_is_starved():
    """What was waited for a CPU after the first look is known, and told as that."""
    told, stack = story("row += 1")
    told.stall(300, ready(12, stack, moved=9, between=(90, 297)), cpu_ms=15, runq_ms=200, runq_unsure_ms=80)
    (starved, unknown) = sorted(told.told().findings, key=lambda each: each.rule, reverse=True)
    assert (starved.rule, starved.grade, starved.total_ms) == ("UJ502", Grade.EXACT, 200)
    assert (unknown.rule, unknown.culprit, unknown.total_ms) == ("", None, 100)


def test_a_turn_that_a_cpu_would_have_spared_for_sure_is_starved():
    """20 ms of 300 may have been either: without the others it would have been no stall in any case."""
    told, stack = story("row += 1")
    told.stall(300, ready(20, stack, moved=9), cpu_ms=15, runq_ms=260, runq_unsure_ms=20)
    assert (only(told.told()).rule, only(told.told()).total_ms) == ("UJ502", 300)


def test_a_line_that_held_the_loop_anyway_is_accused_of_what_is_sure():
    """A sleep of 200 ms at least was seen: it is exact, and the time before the first look is told apart."""
    told, stack = story("time.sleep(1)")
    told.stall(400, kernel(19, stack, "clock_nanosleep", between=(205, 397)), cpu_ms=1, runq_ms=0, runq_unsure_ms=190)
    (sleep, unknown) = sorted(told.told().findings, key=lambda each: each.rule, reverse=True)
    assert (sleep.rule, sleep.grade, sleep.total_ms) == ("UJ101", Grade.EXACT, 210)
    assert (unknown.rule, unknown.culprit, unknown.total_ms) == ("", None, 190)


def test_a_small_part_that_is_unsure_goes_to_the_largest():
    """A tenth of a sleep may have been anything: it is the sleep's, as other small shares are, and accounted as unexplained."""
    told, stack = story("time.sleep(1)")
    told.stall(400, kernel(35, stack, "clock_nanosleep", between=(45, 397)), cpu_ms=1, runq_ms=0, runq_unsure_ms=40)
    finding = only(told.told())
    assert (finding.rule, finding.grade, finding.total_ms) == ("UJ101", Grade.EXACT, 400)
    assert finding.accounted.unexplained == 40


def test_what_computed_whenever_it_could_for_sure_is_accused():
    """A thread that had a CPU for most of what it cannot have lacked one computed: that nobody looked before makes it no idle one."""
    told, stack = story("row += 1")
    told.stall(300, ready(12, stack, moved=9, between=(205, 297)), cpu_ms=80, runq_ms=10, runq_unsure_ms=200)
    rules = {finding.rule: finding.total_ms for finding in told.told().findings}
    assert rules == {"UJ301": pytest.approx(100, abs=1), "": pytest.approx(200, abs=1)}


def test_a_thread_that_may_have_had_no_cpu_kept_no_gil_for_sure():
    """Who has no CPU cannot give the GIL up: that it was asked for in vain proves no native code."""
    told, stack = story("row += 1")
    told.stall(400, cpu(30, stack, between=(105, 397)), cpu_ms=285, runq_ms=5, runq_unsure_ms=100, gil_asked_ms=100)
    assert only_sure(told).grade < Grade.PROVED


def test_a_collection_that_may_have_had_no_cpu_is_not_timed_by_the_wall():
    """The collector times its pauses by the clock on the wall: of a stall that no sample met, most of one may have been a wait for a CPU."""
    told = Story()
    told.stall(120, cpu_ms=25, runq_ms=0, runq_unsure_ms=95)
    start = told.events[-1]["t0"]
    told.event("gc", t0=start, t1=start + 110 * MS, gen=2, collected=9, uncollectable=0, tid=100, loop=1)
    assert only(told.told()).rule == ""
