"""Laws of telling of stalls inside the process: each once, when it is settled, with what belongs to it, and to its own process."""

import pytest

import unjam.diagnosis.diagnose
from unjam.diagnosis.allowances import Sorted
from unjam.model.findings import Finding, Grade
from unjam.model.session import Allowed
from unjam.telling import MOST_AT_ONCE, MOST_SAVED_NS, PART_OF_CPU, PART_OF_TIME, Budget, LineLimit, Log, Telling

FOUND = (Finding("UJ101", "sleep", Grade.EXACT, "long"), Finding("UJ501", "gil", Grade.EXACT, "short"))
ALLOWED = Finding("UJ102", "file", Grade.EXACT, "meant")


class Monitor:
    """As much of one as telling asks for."""

    folder_at_start = "/"

    def events_so_far(self):
        return []

    def header(self):
        return {}


@pytest.fixture
def told(monkeypatch):
    """A telling whose diagnosis finds two causes, and what it was asked with and has told."""
    result = Sorted(list(FOUND), [Allowed(ALLOWED, "on purpose")])
    monkeypatch.setattr(
        unjam.diagnosis.diagnose, "diagnose_stall", lambda header, stacks, events, **_: asked.append(events) or result
    )
    asked, ended, judged = [], [], []
    telling = Telling(Monitor())
    telling.at_end.append(ended.append)
    telling.judged.append(lambda stall, found: judged.append((stall["id"], found)))
    telling.asked, telling.ended, telling.all_judged = asked, ended, judged
    return telling


def stall(number, end):
    return {"e": "stall", "t": end, "id": number, "loop": 1, "t0": 0, "t1": end}


def pause(number):
    return {"e": "gc", "t": number, "t0": 0, "t1": number, "gen": 2}


def test_callbacks_get_the_worst_finding_and_judges_all(told):
    """What counts by cause needs every part of a stall, and what is allowed blocked the loop all the same."""
    told.receive(stall(1, 10))
    told.settled(1)
    assert [(1, (*FOUND, ALLOWED))] == told.all_judged
    assert [FOUND[0]] == told.ended


def test_a_stall_is_told_once_and_with_all_that_came_of_it(told):
    """However late its steps come, it waits for them: only who passes events on knows that there are no more."""
    told.receive(stall(1, 10))
    told.receive(stall(2, 10_000_000_000))
    assert [] == told.all_judged
    told.receive(step := {"e": "step", "t": 20_000_000_000, "stall": 1})
    told.settled(1)
    told.settled(1)
    assert [(1, (*FOUND, ALLOWED))] == told.all_judged
    assert step in told.asked[0]


def test_a_childs_stalls_are_its_own(told):
    """What the parent had not told yet when it forked, the child never tells."""
    told.receive(stall(1, 10))
    told.after_fork_in_child()
    told.finish()
    assert [] == told.all_judged


def test_a_pause_of_the_collector_is_known_to_the_diagnosis(told):
    """The collection that made a stall comes as an event of its own, and belongs to it."""
    told.receive(pause(5))
    told.receive(stall(1, 10))
    told.finish()
    assert pause(5) in told.asked[0]


def test_a_limit_keeps_lines_back_and_counts_them():
    """So many at once and one a second after them; the first one after those kept back says how many there were, and only it."""
    now = [0.0]
    limit = LineLimit(clock=lambda: now[0])
    remarks = [limit.remark() for _ in range(MOST_AT_ONCE + 3)]
    now[0] = 1.0
    assert [""] * MOST_AT_ONCE + [None] * 3 == remarks
    assert [" (3 more were not logged)", None] == [limit.remark(), limit.remark()]
    now[0] = 100.0
    assert [" (1 more were not logged)", *[""] * (MOST_AT_ONCE - 1), None] == [
        limit.remark() for _ in range(MOST_AT_ONCE + 1)
    ]


def test_thinking_takes_its_share_of_the_time_and_no_more():
    """What is saved up may be used at once; after that a share of what the process uses and of the time, and it is not saved up without end."""
    now = all_used = used = 0
    budget = Budget(clock=lambda: now, all_cpu=lambda: all_used, cpu=lambda: used)

    def spend(ns):
        nonlocal used
        with budget:
            used += ns

    spend(MOST_SAVED_NS - 1)
    assert budget.is_left()
    spend(11)
    assert not budget.is_left()
    all_used += 10 * PART_OF_CPU
    assert not budget.is_left()
    all_used += PART_OF_CPU
    assert budget.is_left()
    spend(11)
    now += 10 * PART_OF_TIME
    assert not budget.is_left()
    now += PART_OF_TIME
    assert budget.is_left()
    now += 100 * PART_OF_TIME * MOST_SAVED_NS
    assert budget.is_left()
    spend(MOST_SAVED_NS)
    assert not budget.is_left()


def test_what_is_done_about_a_stall_is_taken_from_the_share(told, monkeypatch):
    """Also what the listeners make of it: they write and log, which takes as long as thinking."""
    seen = []
    monkeypatch.setattr(Budget, "__enter__", lambda self: seen.append(len(told.all_judged)))
    monkeypatch.setattr(Budget, "__exit__", lambda self, *_: seen.append(len(told.all_judged)))
    told.receive(stall(1, 10))
    told.settled(1)
    assert seen == [0, 1]


def test_stalls_without_end_are_counted_without_being_thought_about(told, monkeypatch):
    """Metrics get every stall, with nothing found; the log counts it among those it left out."""
    log = Log()
    told.at_end.clear()
    told.logs.append(log)
    monkeypatch.setattr(Budget, "is_left", lambda self: False)
    told.receive(stall(1, 10))
    told.settled(1)
    assert (told.asked, told.all_judged) == ([], [(1, ())])
    assert log._limit.remark() == " (1 more were not logged)"


def test_who_asks_for_each_stall_gets_each(told, monkeypatch):
    """A callback of `on_stall` and the lines of --live are what somebody wants to see, whatever it costs."""
    monkeypatch.setattr(Budget, "is_left", lambda self: False)
    told.receive(stall(1, 10))
    told.settled(1)
    assert ([FOUND[0]], [(1, (*FOUND, ALLOWED))]) == (told.ended, told.all_judged)


def test_a_line_that_will_not_be_logged_is_not_thought_about(told):
    """The log takes so many a second: the others are only counted."""
    told.at_end.clear()
    told.judged.clear()
    told.logs.append(Log(LineLimit(clock=lambda: 0.0)))
    for number in range(MOST_AT_ONCE + 3):
        told.receive(stall(number, 10))
        told.settled(number)
    assert len(told.asked) == MOST_AT_ONCE


def test_what_is_allowed_is_not_counted_as_left_out_of_the_log(told, monkeypatch):
    """Nobody would have logged it: a stall that is allowed all of it leaves no trace there, whether there is room or not."""
    nothing = Sorted([], [Allowed(ALLOWED, "on purpose")])
    monkeypatch.setattr(unjam.diagnosis.diagnose, "diagnose_stall", lambda *_, **__: nothing)
    limit = LineLimit(clock=lambda: 0.0)
    told.logs.append(Log(limit))
    for _ in range(MOST_AT_ONCE):
        limit.remark()
    told.receive(stall(1, 10))
    told.settled(1)
    assert (told.all_judged, limit._kept_back) == ([(1, (ALLOWED,))], 0)


def test_a_pause_before_a_stall_is_none_of_its(told):
    """A program that collects all the time keeps many pauses, and each conclusion reads those that may have made its stall only."""
    told.receive(pause(5))
    told.receive({**stall(1, 20), "t0": 5})
    told.settled(1)
    assert pause(5) not in told.asked[0]
