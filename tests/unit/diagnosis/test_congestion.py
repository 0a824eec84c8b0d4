"""Rules UJ401 to UJ403: a turn made of many steps, a task that never yields, many short calls in one step."""

from __future__ import annotations

import pytest
from stories import MS, Story, cpu, kernel, only, stdlib

from unjam.model.findings import Grade

CODE = """
import asyncio, sqlite3, time
db = sqlite3.connect("x")

async def fan_out(items):
    await asyncio.gather(*(refresh(item) for item in items))

async def refresh(item):
    work(item)

async def consume(queue):
    while True:
        item = await queue.get()
        handle(item)

async def totals(orders):
    for order in orders:
        db.execute("select 1")
        order.done = True

async def once(orders):
    db.execute("select 2")

async def steps(items):
    for item in items:
        await heavy(item)

async def heavy(item):
    work(item)

def work(item):
    return item * 2

def handle(item):
    return item + 1
"""


def story(**options):
    told = Story(**options)
    return told, told.file("feed.py", CODE)


def crowd(told, stall, path, n=30, each=30):
    told.event("crowd", stall=stall, others=0, groups=[
        {"coroutine": "refresh", "n": n, "total_ns": n * each * MS, "max_ns": each * MS, "site": [path, 5, "fan_out"]},
        {"callback": "tick", "n": 2, "total_ns": 2 * MS, "max_ns": MS, "site": None},
    ])  # fmt: skip


def test_thirty_steps_of_thirty_milliseconds():
    """No step is over the threshold, the turn is: the finding counts them and names who scheduled them."""
    told, path = story()
    stack = told.stack(told.frame(path, "work(item)", "refresh"), told.frame(path, "item * 2", "work", "function"))
    number = told.stall(900, cpu(88, stack, moved=60), steps=32, longest_step_ms=31, cpu_ms=899, runq_ms=0)
    crowd(told, number, path)
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.culprit.line, finding.grade) == ("UJ401", "refresh", 5, Grade.EXACT)
    assert finding.total_ms == 900
    assert any("32 steps in one turn, the longest took 31.0 ms" in each.text for each in finding.evidence)
    assert any("30 x refresh: 900 ms" in each.text for each in finding.evidence)


def test_steps_that_nobody_sampled_are_still_counted():
    """The counters alone are enough on asyncio."""
    told, path = story()
    number = told.stall(300, steps=30, longest_step_ms=10, cpu_ms=299, runq_ms=0)
    crowd(told, number, path, each=10)
    assert (only(told.told()).rule, only(told.told()).culprit.line) == ("UJ401", 5)


def test_one_long_step_among_many_is_that_step():
    """A hundred steps of which one slept are not many small ones."""
    told, path = story()
    told.stall(
        300,
        cpu(28, told.stack(told.frame(path, "work(item)", "refresh")), moved=20),
        steps=100,
        longest_step_ms=290,
        cpu_ms=299,
        runq_ms=0,
    )
    assert only(told.told()).rule == "UJ301"


def test_many_steps_on_a_loop_that_counts_none():
    """uvloop: only samples tell that many different steps ran, so it is suspected, no more."""
    told = Story(steps=False, loop="uvloop.Loop")
    path = told.file("many.py", "".join(f"async def step_{n}():\n    work()\n" for n in range(8)))
    stacks = [told.stack(told.frame(path, "work()", f"step_{n}")) for n in range(8)]
    told.stall(
        500, *(cpu(6, stack, moved=5) for stack in stacks), steps=None, longest_step_ms=None, cpu_ms=499, runq_ms=0
    )
    finding = only(told.told())
    assert (finding.rule, finding.grade) == ("UJ401", Grade.SUSPECTED)


def test_a_consumer_of_a_full_queue_never_yields():
    """In one step the loop went through its await again and again: the await is the culprit, not the work between."""
    told, path = story()
    waiting = told.frame(path, "await queue.get()", "consume")
    getting = told.stack(waiting, stdlib("asyncio.queues", "Queue.get", kind="coroutine"))
    working = told.stack(
        told.frame(path, "handle(item)", "consume"), told.frame(path, "item + 1", "handle", "function")
    )
    told.stall(500, cpu(30, getting, moved=25), cpu(17, working, moved=15), cpu_ms=499, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.culprit.line) == ("UJ402", "asyncio.queues.Queue.get", waiting.line)


def test_an_await_that_computes_long_is_a_computation():
    """A loop that awaits a coroutine which computes for long is blamed on the computation: it was not seen to pass its await often."""
    told, path = story()
    stack = told.stack(
        told.frame(path, "await heavy(item)", "steps"),
        told.frame(path, "work(item)", "heavy"),
        told.frame(path, "item * 2", "work", "function"),
    )
    told.stall(500, cpu(47, stack, moved=40), cpu_ms=499, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.culprit.function) == ("UJ301", "work")


def test_two_hundred_queries_in_one_step():
    """The call stands in a loop, and samples met other lines of that loop between: many short calls, not a long one."""
    told, path = story()
    asking = told.stack(told.frame(path, 'db.execute("select 1")', "totals"))
    between = told.stack(told.frame(path, "order.done", "totals"))
    told.stall(
        400,
        kernel(20, asking, "pread64", "file /srv/x", 4, moved=6),
        cpu(14, asking, moved=4, holds_gil=False),
        cpu(3, between, moved=3),
        cpu_ms=180,
        runq_ms=0,
    )
    finding = only(told.told())
    assert (finding.rule, finding.leaf) == ("UJ403", "sqlite3.Connection.execute")
    assert (
        "batch" in finding.remedies[0].text
        or "instead of many" in finding.remedies[0].text
        or "thread" in finding.remedies[0].text
    )


def test_many_short_sleeps_are_told_by_the_scheduler():
    """Nothing in the frames moves between two sleeps of 2 ms, but the thread went to sleep two hundred times."""
    told, path = story()
    asking = told.stack(told.frame(path, 'db.execute("select 1")', "totals"))
    told.stall(400, kernel(38, asking, "clock_nanosleep"), cpu_ms=10, runq_ms=0, switches=200)
    assert only(told.told()).rule == "UJ403"


@pytest.mark.parametrize(("query", "function", "moved"), [("select 1", "totals", 0), ("select 2", "once", 20)])
def test_one_long_query_is_one_long_query(query, function, moved):
    """A call in a loop of which a single one took all the time, or a call outside any loop, is not repeated."""
    told, path = story()
    stack = told.stack(told.frame(path, f'db.execute("{query}")', function))
    told.stall(400, kernel(38, stack, "clock_nanosleep", moved=moved), cpu_ms=1, runq_ms=0, switches=2)
    assert only(told.told()).rule == "UJ106"
