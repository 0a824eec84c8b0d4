"""Laws of the line of `unjam.request`: who held the loop, where, and whom it made late, in words that can be searched for."""

from types import SimpleNamespace

import pytest

from unjam.integrations.web.request import Hold, Request
from unjam.integrations.web.telling import ROUTES_TOLD, RequestTelling, Routes, fields, line
from unjam.model.findings import Finding, Grade, Location
from unjam.native._twin_tally import Tally

MS = 1_000_000


class Made(Request, Tally):
    """A request as the tracker makes them."""

    __slots__ = ()


def request(route):
    made = Made()
    made.route = route
    return made


def hold(late, *, culprit=None, ms=301):
    held = Hold(0, ms * MS, request("GET /report/{id}"), "")
    for route, delays in late.items():
        for delay in delays:
            held.delays_request(request(route), delay * MS)
    if culprit is not None:
        held.finding = Finding("UJ101", "sleep", Grade.EXACT, "", culprit=culprit, leaf="time.sleep")
    return held


def test_the_line_of_a_hold_that_made_requests_late():
    """Holder, length, place, leaf, rule and cause; how many others, how late the latest was, and their routes by number."""
    held = hold({"GET /items/{id}": [100, 303, 7, 8], "GET /healthz": [50]}, culprit=Location("app.py", 12, "report"))
    assert (
        "GET /report/{id} held the loop 301 ms at app.py:12 report -> time.sleep [UJ101 sleep], "
        "5 other requests late by up to 303 ms (GET /items/{id} x4, GET /healthz)"
    ) == line(held, Routes(held))


@pytest.mark.parametrize(
    ("late", "told"),
    [
        ({}, "GET /report/{id} held the loop 301 ms, no other request is known to have been late"),
        (
            {"GET /": [20]},
            "GET /report/{id} held the loop 301 ms, 1 other request late by up to 20 ms (GET /)",
        ),
        (
            {f"GET /{number}": [20] * (9 - number) for number in range(ROUTES_TOLD + 2)},
            (
                "GET /report/{id} held the loop 301 ms, 42 other requests late by up to 20 ms "
                "(GET /0 x9, GET /1 x8, GET /2 x7, GET /3 x6, GET /4 x5 and 2 more routes)"
            ),
        ),
    ],
    ids=["none", "one", "many routes"],
)
def test_how_many_were_late_is_told_by_number(late, told):
    """None, one, and more than are named; without a finding no place is made up."""
    held = hold(late)
    assert told == line(held, Routes(held))


def test_the_fields_say_what_the_line_says():
    """The same numbers, for logs that are read by programs."""
    held = hold({"GET /": [303, 20]}, culprit=Location("app.py", 12, "report"))
    assert fields(held) == {
        "holder": "GET /report/{id}",
        "held_ms": 301.0,
        "made_late": 2,
        "latest_ms": 303.0,
        "rule": "UJ101",
        "file": "app.py",
        "line": 12,
    }


def watched(written, away_since=None):
    """A monitor whose loop 1 has been away since then, or since what `stats` of its engine is set to."""
    stats = {"away_since_ns": away_since}
    engine = SimpleNamespace(loop_stats=lambda _loop: stats, stats=stats)
    return SimpleNamespace(write=written.append, engine=engine, settings=SimpleNamespace(threshold_ns=50 * MS))


def test_a_hold_is_told_once_also_where_nothing_was_found():
    """Of very many stalls in a row not each is explained: who held the loop and whom it made late is known all the same."""
    held, written = hold({"GET /": [20]}), []
    telling = RequestTelling(watched(written), lambda: {1: [held]}, clock=lambda: 351 * MS)
    stall = {"e": "stall", "id": 1, "loop": 1, "t0": 0, "t1": 301 * MS}
    telling.judged(stall, ())
    telling.judged(stall, ())
    assert [(event["holder"], event["count"]) for event in written] == [("GET /report/{id}", 1)]
    assert held.finding is None


def held_from(begin, end, route="GET /report/{id}"):
    return Hold(begin * MS, end * MS, request(route), "")


def stalled(begin, end):
    return {"e": "stall", "id": 1, "loop": 1, "t0": begin * MS, "t1": end * MS}


def told_of(written):
    return [(event["t0"] // MS, event["count"]) for event in written]


def test_those_who_come_to_run_after_the_next_hold_are_counted():
    """They were ready while the first one held the loop; it is told of once they have begun."""
    first, second, written, now = held_from(0, 100), held_from(101, 220), [], [151 * MS]
    holds = [first]
    monitor = watched(written, away_since=101 * MS)
    telling = RequestTelling(monitor, lambda: {1: holds}, clock=lambda: now[0])
    telling.judged(stalled(0, 100), ())
    assert told_of(written) == []
    holds.append(second)
    monitor.engine.stats["away_since_ns"] = None
    now[0] = 230 * MS
    telling.tell()
    assert told_of(written) == []
    for victim in range(3):
        first.delays_request(request(f"GET /{victim}"), 100 * MS)
    now[0] = 270 * MS
    telling.tell()
    assert told_of(written) == [(0, 3)]
    telling.finish()
    assert told_of(written) == [(0, 3)]


@pytest.mark.parametrize("ends", ["watching", "patience"])
def test_who_holds_the_loop_for_ever_keeps_no_line_back(ends):
    """The process ends, or five seconds are over: what is known by then is told."""
    written, now = [], [151 * MS]
    telling = RequestTelling(
        watched(written, away_since=101 * MS), lambda: {1: [held_from(0, 100)]}, clock=lambda: now[0]
    )
    telling.judged(stalled(0, 100), ())
    assert told_of(written) == []
    now[0] += 0 if ends == "watching" else 5_000 * MS
    telling.finish() if ends == "watching" else telling.tell()
    assert told_of(written) == [(0, 0)]


def test_each_request_that_held_the_loop_in_one_stall_is_told():
    """Those that are no stall by themselves are not, unless they are the longest; one finding for all of it is that of each."""
    holds = [held_from(0, 120, "GET /a"), held_from(120, 260, "GET /b"), held_from(260, 280, "GET /c")]
    found = Finding("UJ101", "sleep", Grade.EXACT, "", culprit=Location("app.py", 12, "report"))
    other = Finding("UJ303", "cpu-native-gil", Grade.EXACT, "")
    telling = RequestTelling(watched([]), lambda: {1: holds}, clock=lambda: 400 * MS)
    telling.judged(stalled(0, 281), (found,))
    assert [(hold.told, hold.finding) for hold in holds] == [(True, found), (True, found), (False, None)]
    more = [held_from(0, 120, "GET /a"), held_from(120, 260, "GET /b")]
    telling = RequestTelling(watched([]), lambda: {1: more}, clock=lambda: 400 * MS)
    telling.judged(stalled(0, 261), (found, other))
    assert [(hold.told, hold.finding) for hold in more] == [(True, None), (True, found)]
