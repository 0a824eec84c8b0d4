"""Laws that hold for whatever a recording may hold: nothing is raised, time adds up, nobody is blamed without a line of theirs."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import LOOP_TID, MS, Story, library, stdlib

from unjam.diagnosis.diagnose import diagnose
from unjam.model.findings import Grade
from unjam.model.session import Process, Recording
from unjam.model.stacks import Frame

SOURCE = tuple(
    "import time, json\nasync def h(rows):\n    while rows:\n        time.sleep(1)\n        json.dumps(rows)\n".splitlines()
)
USER = Frame("/srv/app/v.py", 4, "h", 8, 4, 21, "coroutine")
FRAMES = st.sampled_from([
    USER, Frame("/srv/app/v.py", 5, "h", 8, 5, 24, "coroutine"), Frame("<string>", 1, "<module>"), stdlib("json", "dumps"),
    library("requests.api", "get"), stdlib("asyncio.base_events", "BaseEventLoop._run_once"), stdlib("selectors", "EpollSelector.select"),
    Frame("<frozen importlib._bootstrap>", 3, "_find_and_load"), stdlib("logging", "Handler.handle"), Frame("", -3, ""),
])  # fmt: skip
NUMBERS = st.one_of(
    st.none(),
    st.integers(0, 2**40),
    st.integers(-5, 5),
    st.just(2**70),
    st.booleans(),
    st.floats(),
    st.text(max_size=3),
)
JUNK = st.recursive(
    st.one_of(NUMBERS, st.sampled_from(["gil", "cpu", "kernel", "futex", "tcp 1.2.3.4:5", "9" * 5000])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["n", "name", "stack", "tid", "t0", "1"]), inner, max_size=3),
    ),
    max_leaves=6,
)
KINDS = (
    "process",
    "loop",
    "loop_end",
    "stats",
    "threads",
    "stall",
    "step",
    "crowd",
    "victims",
    "gc",
    "pool",
    "poolcall",
    "timeout",
    "lost",
    "new",
)
FIELDS = (
    *(
        "t",
        "id",
        "loop",
        "t0",
        "t1",
        "steps",
        "longest_step_ns",
        "cpu_ns",
        "runq_ns",
        "runq_unsure_ns",
        "throttled_ns",
        "suspended_ns",
        "gil_asked_ns",
        "samples",
    ),
    *(
        "stall",
        "task",
        "callback",
        "site",
        "groups",
        "list",
        "count",
        "gen",
        "collected",
        "tid",
        "pool",
        "workers",
        "call",
        "queued_ns",
        "oldest_ns",
    ),
    *(
        "deadline",
        "readable_ns",
        "pool_ns",
        "kind",
        "turns",
        "away_ns",
        "alive_ns",
        "lag",
        "names",
        "thread",
        "type",
        "src",
        "site",
        "wall",
    ),
)
EVENTS = st.builds(
    lambda kind, fields: {**fields, "e": kind},
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=12),
)
STACKS = st.dictionaries(st.integers(0, 5), st.lists(FRAMES, max_size=7).map(tuple), max_size=4)

SAMPLES = st.builds(
    lambda n, first, length, stack, state, moved, holds, call, holder: {
        "n": n, "first": (1000 + first) * MS, "last": (1000 + first + length) * MS, "stack": stack, "state": state, "moved": min(moved, n),
        "holds_gil": holds, "sys": call, "fd": 3, "target": "futex" if call == "futex" else "", "holder": {"tid": holder, "stack": stack},
    },
    st.integers(1, 60), st.integers(0, 900), st.integers(0, 100), st.integers(0, 5), st.sampled_from(["gil", "cpu", "ready", "kernel", "unknown"]),
    st.integers(0, 60), st.sampled_from([True, False, None]), st.sampled_from(["futex", "recvfrom", "clock_nanosleep", "read", ""]), st.sampled_from([200, LOOP_TID, None]),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=6), st.lists(EVENTS, max_size=8), STACKS)
def test_garbage_never_raises(header, events, stacks):
    """Whatever the lines hold, a session comes out, and it can be written as JSON."""
    process = Process(1, header, tuple(events), stacks)
    session = diagnose(Recording("f", header, (process,)), source={"/srv/app/v.py": SOURCE}.get)
    assert all(each.total_ms >= 0 for each in session.findings)
    assert json.dumps([each.message for each in session.findings], allow_nan=False)


MILLISECONDS = st.one_of(st.none(), st.integers(0, 2500))
COUNTERS = st.fixed_dictionaries({
    "cpu_ms": MILLISECONDS, "runq_ms": MILLISECONDS, "runq_unsure_ms": MILLISECONDS, "suspended_ms": st.integers(0, 300), "gil_asked_ms": MILLISECONDS, "steps": st.integers(0, 40),
    "longest_step_ms": st.integers(0, 100),
})  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STACKS, st.lists(SAMPLES, max_size=6), st.integers(51, 2000), COUNTERS)
def test_time_adds_up(stacks, samples, length, counters):
    """The findings of a stall share its length, each accounts for all of its own time, and no part is negative."""
    told = Story()
    told.stacks, told.files = stacks, {"/srv/app/v.py": SOURCE}
    told.stall(length, **counters)
    told.events[-1]["samples"] = samples
    found = told.told().findings
    suspended = min(counters["suspended_ms"], length)
    own = length - suspended
    counted = (own if own >= 50 else 0) + (suspended if suspended >= 50 else 0)
    assert sum(each.total_ms for each in found) == pytest.approx(counted, abs=0.1)
    for each in found:
        parts = [getattr(each.accounted, name) for name in ("kernel", "cpu", "gil", "runqueue", "unexplained")]
        assert all(part is None or part >= -1e-9 for part in parts)
        assert sum(part or 0 for part in parts) == pytest.approx(each.total_ms, abs=0.1)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STACKS, st.lists(SAMPLES, max_size=6))
def test_only_a_line_of_the_users_is_ever_blamed(stacks, samples):
    """No culprit lies in the standard library, in site-packages or in unjam, and what has no cause claims no grade."""
    told = Story()
    told.stacks, told.files = stacks, {"/srv/app/v.py": SOURCE}
    told.stall(1000, cpu_ms=None)
    told.events[-1]["samples"] = samples
    for each in told.told().findings:
        assert each.culprit is None or each.culprit.file in {"/srv/app/v.py", "<string>", ""}
        assert (each.grade == Grade.UNKNOWN) == (each.rule == "")
