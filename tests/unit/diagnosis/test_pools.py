"""Laws of UJ601: what held a full pool is blamed, what queued behind it is the victim."""

from unjam.diagnosis.pools import pool_findings
from unjam.model.findings import Grade, Location
from unjam.model.session import Process

APP = "/srv/app/pdf.py"


def process(*events):
    return Process(pid=7, header={}, events=events, stacks={})


def findings(*events):
    return pool_findings(process(*events), is_users=lambda file: file.startswith("/srv/app"), started_ns=1_000_000_000)


def pool_event(**fields):
    known = {"t": 3_000_000_000, "pool": "asyncio's default executor", "kind": "executor", "limit": 6, "busy": 6}
    return {"e": "pool", "queued": 0, "oldest_ns": 0, "workers": [], "held": [], **known, **fields}


def call_event(call, queued_ms, **fields):
    times = {"queued_ns": queued_ms * 10**6, "longest_queued_ns": queued_ms * 10**6, "ran_ns": 0}
    known = {"pool": "asyncio's default executor", "file": "", "line": 0, "site": None, "n": 1}
    return {"e": "poolcall", "t": 2_000_000_000, "call": call, **known, **times, **fields}


def held(call, file, ran_ms, site=None):
    return {"call": call, "file": file, "line": 11, "site": site, "n": 6, "ran_ns": ran_ms * 10**6, "longest_ran_ns": 1}


def test_the_function_that_held_the_threads_is_blamed():
    """The one that took most of the threads' time, by its definition when it is the user's."""
    event = pool_event(held=[held("app.pdf.render", APP, 900), held("app.mail.send", "/srv/app/mail.py", 100)])
    (finding,) = findings(event, call_event("socket.getaddrinfo", 400))
    assert Location(APP, 11, "render") == finding.culprit
    assert Grade.EXACT == finding.grade
    assert "1 call waited" in finding.message
    assert "90 % of the threads' time went to app.pdf.render" in finding.message
    assert 400.0 == finding.total_ms == finding.max_ms


def test_a_librarys_function_is_blamed_where_the_user_submitted_it():
    """The culprit is always the user's own line."""
    event = pool_event(held=[held("requests.api.get", "/site/requests/api.py", 900, [APP, 5, "fetch"])])
    (finding,) = findings(event, call_event("app.quick", 80))
    assert Location(APP, 5, "fetch") == finding.culprit


def test_name_lookups_are_said_in_so_many_words():
    """A DNS look-up behind other work is what people search for elsewhere."""
    (finding,) = findings(pool_event(held=[held("render", APP, 900)]), call_event("socket.getaddrinfo", 400))
    assert any("name look-ups queued behind it: socket.getaddrinfo" in item.text for item in finding.evidence)


def test_a_pool_that_was_looked_at_after_the_jam_says_nothing_of_now():
    """When the first began to wait is known, and that all threads were busy then; that none is now shows nothing."""
    event = pool_event(busy=0, since=1_250_000_000, held=[held("render", APP, 900)])
    (finding,) = findings(event, call_event("app.quick", 400))
    assert (finding.first_s, finding.last_s) == (0.25, 2.0)
    assert finding.evidence[0].text == "all 6 threads were busy while they waited"


def test_a_pool_that_is_stuck_is_found_although_no_call_ended():
    """The queue itself is the evidence."""
    worker = {"thread": "w", "call": "stuck", "file": APP, "line": 3, "age_ns": 9 * 10**9, "site": None}
    (finding,) = findings(pool_event(queued=4, oldest_ns=8 * 10**9, workers=[worker]))
    assert (4, 8000.0, "stuck") == (finding.count, finding.max_ms, finding.leaf)


def test_what_runs_for_long_is_counted_once():
    """Each second says how long it has run so far, and the last, with all of it, that it has ended."""
    looks = [
        pool_event(t=second * 10**9, queued=1, oldest_ns=second * 10**9, workers=[worker("long", second)])
        for second in range(1, 4)
    ]
    (finding,) = findings(*looks)
    assert [each.text for each in finding.evidence][1:] == ["long held threads for 3.00 s"]
    (finding,) = findings(*looks, pool_event(t=5 * 10**9, held=[held("long", APP, 4500), held("short", APP, 500)]))
    assert [each.text for each in finding.evidence][1:] == [
        "long held threads for 4.50 s",
        "short held threads for 500 ms",
    ]
    assert "90 % of the threads' time went to long" in finding.message


def test_what_began_later_in_the_same_thread_is_another_call():
    """One has ended, whose time is known, and the next of its kind runs."""
    before = pool_event(t=3 * 10**9, queued=1, oldest_ns=10**9, workers=[worker("long", 3)])
    after = pool_event(
        t=6 * 10**9, queued=1, oldest_ns=10**9, workers=[worker("long", 2)], held=[held("long", APP, 4000)]
    )
    (finding,) = findings(before, after)
    assert finding.evidence[1].text == "long held threads for 6.00 s"


def worker(call, age_s):
    return {"thread": "w", "call": call, "file": APP, "line": 11, "age_ns": age_s * 10**9, "site": None}


def test_nobody_is_accused_where_the_holder_was_not_seen():
    """Calls waited, and that is all that is known."""
    (finding,) = findings(call_event("app.quick", 80))
    assert (None, Grade.UNKNOWN) == (finding.culprit, finding.grade)


def test_garbage_is_not_believed():
    """Fields of the wrong type count for nothing and break nothing."""
    garbage = {"e": "pool", "pool": "x", "held": [1, {"call": None, "site": [1]}], "workers": "no", "limit": "many"}
    assert 1 == len(findings(garbage, {"e": "poolcall", "pool": 5}, {"e": "pool"}))
