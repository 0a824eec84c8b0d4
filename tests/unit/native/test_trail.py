"""Samples in their order: which frames went on between two of them, and how many steps began."""

from itertools import pairwise

import pytest

BODY = """
import sqlite3
{setup}
core.check()
start()
def block():
    {call}
async def main():
    register()
    await asyncio.sleep(0.05)
    block()
    await asyncio.sleep(0.05)
    core.unregister_loop(1)
{run}
core.stop()
"""
RUN = "asyncio.run(main())"
NONE, AGAIN, ELSEWHERE, FRAME, UNKNOWN = range(5)


def looks(outcome, function):
    """The changes of the first stall's trail from sample to sample, each with the function of the frame that it is about."""
    stall = outcome.longest()
    names = [outcome.functions(group["stack"]) for group in stall["samples"]]
    return [
        (change, names[group][depth] if change in (AGAIN, ELSEWHERE) else "")
        for group, _, change, depth, *_ in stall["trail"][1:]
        if function in names[group]
    ]


def test_one_long_call_leaves_every_frame_as_it_was(run):
    """Nothing in a frame can change while one native call runs."""
    outcome = run(BODY.format(setup="", run=RUN, call="for _ in range(1): time.sleep(0.6)"))
    changes = looks(outcome, "block")
    assert len(changes) >= 5
    assert {change for change, _ in changes} == {NONE}


CALLS = {
    "sleep": ("", "for _ in range(100): time.sleep(0.003)"),
    "sqlite": (
        (
            "db = sqlite3.connect(':memory:'); db.execute('create table rows (value)')\n"
            "db.executemany('insert into rows values (?)', ((n,) for n in range(20000)))"
        ),
        "for n in range(150): db.execute('select count(*) from rows where value > ?', (n,)).fetchone()",
    ),
    "json": ("rows = list(range(20000))", "for n in range(300): json.dumps(rows)"),
}


@pytest.mark.serial
@pytest.mark.parametrize("kind", CALLS)
def test_many_short_calls_change_the_frame_that_makes_them(run, kind):
    """A loop that makes one call after the other is at the same instruction each time, and holds another object."""
    setup, call = CALLS[kind]
    outcome = run(BODY.format(setup=setup, run=RUN, call=call))
    # Between two looks the thread may have been given no CPU, and then nothing can have changed; or so little that it is in the same call still.
    changed = [name for change, name in looks(outcome, "block") if change in {AGAIN, ELSEWHERE}]
    assert len(changed) >= 5
    assert changed.count("block") >= 0.7 * len(changed)


def test_a_caller_is_compared_although_what_it_calls_runs_at_full_speed(run):
    """Where a frame goes on while it is read, those outside of it stand still, and are known."""
    setup = "def inner(number):\n    spin(0.001)"
    outcome = run(BODY.format(setup=setup, run=RUN, call="for number in range(300): inner(number)"))
    # Without a CPU between two looks nothing can have changed.
    changes = [change for change, _ in looks(outcome, "inner") if change != NONE]
    assert len(changes) >= 5
    assert changes.count(AGAIN) >= 0.7 * len(changes)


STEPS = """
def step():
    end = time.perf_counter() + 0.002
    while time.perf_counter() < end:
        pass
async def main():
    register()
    await asyncio.sleep(0.05)
    for _ in range(100):
        asyncio.get_running_loop().call_soon(step)
    await asyncio.sleep(0.05)
    core.unregister_loop(1)
core.check()
start()
{run}
core.stop()
"""


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_each_step_enters_and_leaves_a_context(run, kind):
    """How many steps began between two samples is known on every loop: a hundred, less those before the first and after the last.

    The time of a sample is read after its count, and whoever takes it may have no CPU in between: the last count is later than the sample before.
    """
    if kind == "uvloop":
        pytest.importorskip("uvloop", reason="needs uvloop")
    how = {"asyncio": "asyncio.run(main())", "uvloop": "import uvloop\nuvloop.run(main())"}[kind]
    outcome = run(STEPS.format(run=how))
    stall = outcome.longest()
    first, *others = stall["trail"]
    assert len(first) == 4
    begun = sum(look[4] for look in others) / 2
    missed = 2 + (first[1] + (stall["t1"] - stall["t0"]) / 1000 - others[-2][1]) / 2000
    assert 100 - missed <= begun <= 100


def test_one_step_enters_no_context(run):
    """Samples of one and the same step count none."""
    outcome = run(BODY.format(setup="", run=RUN, call="spin(0.2)"))
    stall = outcome.longest()
    inside = ["block" in outcome.functions(group["stack"]) for group in stall["samples"]]
    counted = [after[4] for before, after in pairwise(stall["trail"]) if inside[before[0]] and inside[after[0]]]
    assert len(counted) >= 5
    assert set(counted) == {0}
