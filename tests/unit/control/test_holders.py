"""Laws of who held a lock: asked while a loop waits for it, once for each stall, and never for long."""

import pytest

from unjam.control.holders import LockHolders, holder_of
from unjam.model.findings import Grade, Location
from unjam.model.waits import Edge, Graph, Node

TAKEN = Location("/srv/app/jobs.py", 5, "work")


def graph(*edges, waits="the lock"):
    nodes = {
        "thread:1": Node("thread:1", "thread", "thread MainThread", facts={"ident": 7}),
        "thread:2": Node("thread:2", "thread", "thread worker", facts={"ident": 8}),
        "lock:1": Node("lock:1", "lock", "threading.Lock `gate`"),
    }
    waited = Edge("thread:1", "lock:1", "waits for", Grade.PROVED, waits)
    return Graph(1, "3.11.7", 0, nodes=nodes, edges=(waited, *edges))


def held(by="thread:2", site=TAKEN):
    return Edge("lock:1", by, "is held by", Grade.EXACT, "the frame's value stack holds its exit", site)


def test_the_holder_is_who_has_the_lock_that_the_thread_waits_for():
    """With the line at which it was taken, where that is known."""
    known = {"lock": "threading.Lock `gate`", "holder": "thread worker", "site": ["/srv/app/jobs.py", 5, "work"]}
    assert holder_of(graph(held()), 7) == known
    assert holder_of(graph(held(site=None)), 7) == known | {"site": None}


@pytest.mark.parametrize(
    ("found", "ident"),
    [(graph(), 7), (graph(held()), 8), (graph(held()), 9), (graph(held(by="thread:1")), 7)],
    ids=["nobody is known to hold it", "it waits for none", "the thread is gone", "its own"],
)
def test_nobody_is_named_who_is_not_known_to_hold_it(found, ident):
    """Nor another thread's lock, nor one that the thread has itself."""
    assert holder_of(found, ident) is None


class Asked:
    """Stands for the collector; counts how often it was asked, and how often it was given back."""

    def __init__(self, monkeypatch):
        self.times = self.closed = 0
        monkeypatch.setattr("unjam.probes.waits.Collector", lambda: self)

    def collect(self, *, with_tasks):
        assert not with_tasks  # ten thousand of them take a third of a second
        self.times += 1
        return graph(held())

    def close(self):
        self.closed += 1


def stall(number=1, *, loop=1, t1=None, state="kernel", sys="futex"):
    earlier = {"state": "cpu", "last": 5, "n": 9}
    return {
        "e": "stall",
        "id": number,
        "loop": loop,
        "t1": t1,
        "samples": [earlier, {"state": state, "sys": sys, "last": 9, "n": 1}],
    }


@pytest.fixture
def written():
    return []


@pytest.fixture
def holders(written):
    return LockHolders(lambda: [(1, None, 7, "MainThread", "")], written.append)


def test_each_stall_in_a_lock_is_asked_once(monkeypatch, holders, written):
    """Its line comes again while it goes on; what the question opened is given back."""
    asked = Asked(monkeypatch)
    monkeypatch.setattr("unjam.control.holders.SHARE", 0)
    for event in (stall(1), stall(1), stall(2)):
        holders(event)
    assert (asked.times, asked.closed) == (2, 2)
    assert [(event["e"], event["stall"], event["holder"]) for event in written] == [
        ("holder", 1, "thread worker"),
        ("holder", 2, "thread worker"),
    ]


@pytest.mark.parametrize(
    "event",
    [
        stall(t1=9),
        stall(sys="recvfrom"),
        stall(state="gil"),
        stall(loop=2),
        stall() | {"samples": []},
        {"e": "stats", "t": 1},
    ],
    ids=["over", "in a read", "waits for the GIL", "a loop that is gone", "never looked at", "no stall"],
)
def test_nothing_else_is_asked_for(monkeypatch, holders, written, event):
    """A question takes a millisecond, in which the program does not run."""
    asked = Asked(monkeypatch)
    holders(event)
    assert (asked.times, written) == (0, [])


def test_questions_are_a_hundredth_of_the_time(monkeypatch, holders):
    """A program that stalls in locks all the time is asked now and then."""
    asked = Asked(monkeypatch)
    monkeypatch.setattr("unjam.control.holders.SHARE", 10**9)
    for number in range(1, 9):
        holders(stall(number))
    assert asked.times == 1
