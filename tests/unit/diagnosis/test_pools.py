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


def test_a_pool_that_is_stuck_is_found_although_no_call_ended():
    """The queue itself is the evidence."""
    worker = {"thread": "w", "call": "stuck", "file": APP, "line": 3, "age_ns": 9 * 10**9, "site": None}
    (finding,) = findings(pool_event(queued=4, oldest_ns=8 * 10**9, workers=[worker]))
    assert (4, 8000.0, "stuck") == (finding.count, finding.max_ms, finding.leaf)


def test_nobody_is_accused_where_the_holder_was_not_seen():
    """Calls waited, and that is all that is known."""
    (finding,) = findings(call_event("app.quick", 80))
    assert (None, Grade.UNKNOWN) == (finding.culprit, finding.grade)


def test_garbage_is_not_believed():
    """Fields of the wrong type count for nothing and break nothing."""
    garbage = {"e": "pool", "pool": "x", "held": [1, {"call": None, "site": [1]}], "workers": "no", "limit": "many"}
    assert 1 == len(findings(garbage, {"e": "poolcall", "pool": 5}, {"e": "pool"}))
