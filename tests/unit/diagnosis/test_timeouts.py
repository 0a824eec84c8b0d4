"""Laws of UJ701: whose fault a timeout was, and that nobody is accused without evidence."""

import pytest

from unjam.diagnosis.timeouts import Absence, timeout_groups
from unjam.model.findings import Grade, Location
from unjam.model.session import Process
from unjam.model.timeouts import Fault

SECOND = 10**9
CULPRIT = Location("/srv/app/export.py", 77, "export")
CHAIN = [["/srv/app/cache.py", 9, "load"], ["/site/redis/client.py", 3, "execute"]]


def fired(**fields):
    times = {"t": 15 * SECOND, "t0": 10 * SECOND, "t1": 15 * SECOND, "deadline": 15 * SECOND}
    known = {"kind": "asyncio.timeout", "loop": 1, "task": {"name": "T", "coroutine": "load"}, "chain": CHAIN}
    return {"e": "timeout", "pool_ns": None, "answered": None, **times, **known, **fields}


def judge(event, *absences):
    process = Process(pid=7, header={}, events=(event,), stacks={})
    return timeout_groups(process, absences, is_users=lambda file: file.startswith("/srv/app"), started_ns=0)


def away(seconds, loop=1):
    return Absence(loop, 10 * SECOND, 10 * SECOND + round(seconds * SECOND), CULPRIT, "json.dumps")


def test_a_reply_that_lay_there_is_proof():
    """The loop was away and the reply was there when it fired: the stall is to blame, by its line."""
    (group,), (finding,) = judge(fired(answered=True), away(4.8))
    assert Fault.LOOP == group.fault
    assert "not the other side: the loop was away for 4.80 s of 5.00 s; the reply was already there" == group.text
    assert (CULPRIT, "json.dumps", Grade.PROVED) == (finding.culprit, finding.leaf, finding.grade)
    assert Location("/srv/app/cache.py", 9, "load") == group.place


def test_most_of_the_window_away_is_inferred():
    """Without a sight of the reply the verdict stands on the share of the window."""
    (group,), (finding,) = judge(fired(), away(3.0))
    assert (Fault.LOOP, Grade.INFERRED) == (group.fault, finding.grade)


def test_a_queue_in_a_pool():
    """A call that queued for most of the window never reached the other side."""
    (group,), (finding,) = judge(fired(pool_ns=4 * SECOND))
    assert Fault.POOL == group.fault
    assert Location("/srv/app/cache.py", 9, "load") == finding.culprit
    assert "queued behind a full pool for 4.00 s of 5.00 s" in finding.message


def test_a_slow_peer_is_no_finding():
    """The loop was free and nothing had come: that is what a timeout is for."""
    (group,), findings = judge(fired(answered=False), away(0.01))
    assert "the loop was free for 99.8 % of the wait: the other side was slow" == group.text
    assert (Fault.PEER, []) == (group.fault, findings)


@pytest.mark.parametrize(
    ("event", "absences", "why"),
    [
        (fired(), [], "the loop was free, but what was awaited is no stream that unjam can look into"),
        (fired(answered=False), [away(1.0)], "the loop was away for 1.00 s of 5.00 s, less than half"),
        (fired(t0=None), [away(4.0)], "when it began was not measured"),
        (fired(answered=False), [away(4.9, loop=2)], None),
    ],
)
def test_no_evidence_no_accusation(event, absences, why):
    """What cannot be told is said so; another loop's stall is nobody's fault here."""
    (group,), findings = judge(event, *absences)
    assert [] == findings
    assert why is None or f"cannot tell: {why}" == group.text


def test_equal_timeouts_are_one_group():
    """Kind, place and fault make a group; its times are means."""
    process = Process(pid=7, header={}, events=(fired(answered=False),) * 3, stacks={})
    (group,), _ = timeout_groups(process, [], is_users=lambda file: False, started_ns=0)
    assert (3, 5000.0, 0.0) == (group.count, group.window_ms, group.away_ms)


def test_garbage_is_not_believed():
    """Fields of the wrong type count for nothing and break nothing."""
    (group,), findings = judge(fired(t0="x", chain=[None, [1, 2]], task=3, pool_ns="no", kind=None))
    assert (Fault.UNKNOWN, []) == (group.fault, findings)
