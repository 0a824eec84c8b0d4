"""Rules UJ401 to UJ403: a turn made of many steps, a task that never yields, many short calls in one step."""

from __future__ import annotations

import pytest
from stories import MS, Story, cpu, kernel, only, ready

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


def crowd(told, stall, path, n=30, each=30, *, guessed=False):
    told.event("crowd", stall=stall, others=0, guessed=guessed, groups=[
        {"coroutine": "refresh", "n": n, "total_ns": n * each * MS, "max_ns": each * MS, "site": [path, 5, "fan_out"]},
        {"callback": "tick", "n": 2, "total_ns": 2 * MS, "max_ns": MS, "site": None},
    ])  # fmt: skip


def test_kinds_that_were_guessed_are_told_as_such():
    """Where not each step was looked at, their number is about right, and said to be."""
    told, path = story()
    stack = told.stack(told.frame(path, "work(item)", "refresh"), told.frame(path, "item * 2", "work", "function"))
    number = told.stall(900, cpu(88, stack, moved=60), steps=32, longest_step_ms=31, cpu_ms=899, runq_ms=0)
    crowd(told, number, path, guessed=True)
    assert any(each.text.startswith("about 30 x refresh: 900 ms") for each in only(told.told()).evidence)


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


def test_steps_that_enter_one_function_are_of_one_kind():
    """Whoever started most of them, and on whichever line of it they were met; what else is entered is another finding."""
    told, path = story()
    for number, (line, name) in enumerate(
        [("while True", "consume"), ("handle(item)", "consume"), ("order.done", "totals")]
    ):
        stack = told.stack(told.frame(path, line, name), told.frame(path, "item * 2", "work", "function"))
        stall = told.stall(900, cpu(88, stack, moved=60), steps=32, longest_step_ms=31, cpu_ms=899, runq_ms=0)
        group = {"coroutine": f"starter{number}", "n": 30, "total_ns": 900 * MS, "max_ns": 30 * MS, "site": None}
        told.event("crowd", stall=stall, others=0, guessed=False, groups=[group])
    assert {(each.leaf, each.culprit.function, each.count) for each in told.told().findings} == {
        ("consume", "consume", 2),
        ("totals", "totals", 1),
    }
    assert all(each.message.endswith(f" in {each.leaf}") for each in told.told().findings)


def test_a_step_told_of_while_it_ran_is_told_again_with_its_end():
    """What was written of a step at the threshold may be late on a busy machine: once it is known how long each step took, that counts."""
    told, path = story()
    stack = told.stack(told.frame(path, "work(item)", "refresh"), told.frame(path, "item * 2", "work", "function"))
    number = told.stall(900, cpu(88, stack, moved=60), steps=30, longest_step_ms=31, cpu_ms=899, runq_ms=0)
    told.step(number, task={"name": "Task-2", "coroutine": "refresh"}, share=1 / 30)
    told.event("step", stall=number, loop=1, t0=1000 * MS, t1=None, task={"name": "Task-2", "coroutine": "refresh"})
    crowd(told, number, path)
    assert only(told.told()).rule == "UJ401"


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


def test_one_step_that_was_given_little_cpu_is_no_crowd():
    """200 of 260 ms in one step, which had a CPU for a fifth of that: less than a stall, and still not many short steps."""
    told, path = story()
    stack = told.stack(told.frame(path, "work(item)", "refresh"))
    looks = [(0, "unknown", 0, None), *[(0, "none", 1, 0)] * 19, *[(1, "frame", 1, 0)] * 5]
    groups = ready(20, stack), cpu(5, stack)
    number = told.stall(260, *groups, steps=6, longest_step_ms=200, cpu_ms=110, runq_ms=140, trail=told.trail(*looks))
    told.step(number, task={"name": "Task-2", "coroutine": "refresh"}, share=200 / 260)
    assert {"UJ301", "UJ502"} == {finding.rule for finding in told.told().findings}


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


def uvloop_story():
    told = Story(steps=False, loop="uvloop.Loop")
    return told, told.file("feed.py", CODE)


@pytest.mark.parametrize("change", ["frame", "cut"])
def test_contexts_tell_the_steps_of_a_loop_that_counts_none(change):
    """Each step enters and leaves a context: two for each sample on another task's frame, or one that ran on unseen, are as many steps."""
    told, path = uvloop_story()
    stack = told.stack(told.frame(path, "work(item)", "refresh"), told.frame(path, "item * 2", "work", "function"))
    looks = [(0, "unknown", 0, None), *[(0, change, 0, 2), (0, "elsewhere", 1, 0)] * 20]
    told.stall(420, cpu(41, stack), steps=None, longest_step_ms=None, cpu_ms=419, runq_ms=0, trail=told.trail(*looks))
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.grade) == ("UJ401", "refresh", Grade.INFERRED)
    assert any("20 steps began" in each.text for each in finding.evidence)


@pytest.mark.parametrize(("change", "rule"), [("none", "UJ303"), ("elsewhere", "UJ301"), ("again", "UJ301")])
def test_contexts_entered_within_a_task_that_goes_on_are_no_steps(change, rule):
    """A task that runs functions in contexts of their own is one step, however many it enters."""
    told, path = uvloop_story()
    stack = told.stack(told.frame(path, "work(item)", "refresh"), told.frame(path, "item * 2", "work", "function"))
    looks = [(0, "unknown", 0, None), *[(0, change, 0, 2)] * 40]
    told.stall(
        420, cpu(41, stack, moved=40), steps=None, longest_step_ms=None, cpu_ms=419, runq_ms=0, trail=told.trail(*looks)
    )
    assert only(told.told()).rule == rule


def test_one_long_step_on_a_loop_that_counts_none_is_that_step():
    """Samples between which no context was entered are of one step."""
    told, path = uvloop_story()
    stack = told.stack(told.frame(path, "work(item)", "refresh"), told.frame(path, "item * 2", "work", "function"))
    looks = [(0, "unknown", 0, None), *[(0, "frame", 0, 2)] * 20, *[(0, "elsewhere", 1, 0)] * 20]
    told.stall(
        420, cpu(41, stack, moved=40), steps=None, longest_step_ms=None, cpu_ms=419, runq_ms=0, trail=told.trail(*looks)
    )
    assert only(told.told()).rule == "UJ301"


def test_a_long_step_in_a_crowd_that_nobody_counts_is_told_apart():
    """Twenty steps that each sample meets anew, and one that slept for 150 ms: two findings, each with its own time."""
    told, path = uvloop_story()
    short = told.stack(told.frame(path, "work(item)", "refresh"), told.frame(path, "item * 2", "work", "function"))
    slept = told.stack(told.frame(path, "db.execute('select 2')".replace("'", '"'), "once"))
    looks = [(0, "unknown", 0, None), *[(0, "frame", 0, 2)] * 20, (1, "frame", 0, 2), *[(1, "none", 1, 0)] * 15]
    told.stall(
        370,
        cpu(21, short, moved=20),
        kernel(16, slept, "fdatasync", between=(223, 367)),
        steps=None, longest_step_ms=None, cpu_ms=219, runq_ms=0, trail=told.trail(*looks),
    )  # fmt: skip
    found = {each.rule: each for each in told.told().findings}
    assert {rule: round(each.total_ms, -1) for rule, each in found.items()} == {"UJ401": 220, "UJ106": 150}
    assert any("1 long and told apart" in each.text for each in found["UJ401"].evidence)


def followed(told, *samples, looks, cpu_ms=419):
    fields = {"steps": None, "longest_step_ms": None, "cpu_ms": cpu_ms, "runq_ms": 0}
    told.stall(420, *samples, **fields, replaced=told.replaced(*looks))
    return {each.rule: each for each in told.told().findings}


@pytest.mark.parametrize(("depth", "rule"), [(0, "UJ401"), (1, "UJ301"), (None, "UJ301")])
def test_frames_tell_the_steps_where_the_python_tier_counts_none(depth, rule):
    """A step that began with another frame is another one; calls that one and the same step makes are not."""
    told, path = uvloop_story()
    stack = told.stack(told.frame(path, "work(item)", "refresh"), told.frame(path, "item * 2", "work", "function"))
    found = followed(told, cpu(41, stack, moved=40), looks=[(0, None), *[(0, depth), (0, None)] * 20])
    assert [rule] == list(found)
    if rule == "UJ401":
        assert (found[rule].leaf, found[rule].grade) == ("refresh", Grade.INFERRED)
        assert any("at least 20 steps began" in each.text for each in found[rule].evidence)


def test_a_step_without_a_frame_is_one_however_often_it_is_met():
    """A callable of C has none: nothing says that it is called again; what has one then is another step."""
    told, path = uvloop_story()
    bare, stack = told.stack(), told.stack(told.frame(path, "work(item)", "refresh"))
    looks = [(0, None)] * 30 + [(1, 0)] + [(1, None)] * 10
    assert "UJ401" not in followed(told, cpu(30, bare), cpu(11, stack, moved=10), looks=looks)


def test_a_long_step_among_those_that_frames_tell_apart():
    """Its samples, one after the other of one frame, are its own."""
    told, path = uvloop_story()
    short = told.stack(told.frame(path, "work(item)", "refresh"), told.frame(path, "item * 2", "work", "function"))
    slept = told.stack(told.frame(path, "db.execute('select 2')".replace("'", '"'), "once"))
    looks = [(0, None), *[(0, 0)] * 24, (1, 0), *[(1, None)] * 15]
    found = followed(
        told, cpu(25, short, moved=24), kernel(16, slept, "fdatasync", between=(263, 417)), looks=looks, cpu_ms=260
    )
    assert {"UJ401", "UJ106"} == set(found)
    assert any("1 long and told apart" in each.text for each in found["UJ401"].evidence)


@pytest.mark.parametrize(
    ("loop", "grade"), [("while flag():", Grade.INFERRED), ("while (row := flag()):", Grade.EXACT)]
)
def test_one_call_or_many_alike_is_said(loop, grade):
    """No round of the loop gives a name a value: nothing tells its calls apart, and the finding says so with its grade."""
    told = Story()
    path = told.file(
        "poll.py", f'import sqlite3\ndb = sqlite3.connect("x")\nasync def h():\n    {loop}\n        db.execute(SQL)\n'
    )
    stack = told.stack(told.frame(path, "db.execute(SQL)", "h"))
    looks = [(0, "unknown", 0, None), *[(0, "none", 1, 0)] * 28]
    told.stall(300, cpu(29, stack, holds_gil=False), cpu_ms=299, runq_ms=0, trail=told.trail(*looks))
    finding = only(told.told())
    assert (finding.rule, finding.grade) == ("UJ106", grade)
    assert any("many short ones" in each.text for each in finding.evidence) == (grade is Grade.INFERRED)


def test_a_long_step_in_a_crowd_is_told_apart():
    """Thirty short steps and one that slept are two findings, each with its own time."""
    told, path = story()
    working = told.stack(told.frame(path, "work(item)", "refresh"), told.frame(path, "item * 2", "work", "function"))
    sleeping = told.stack(told.frame(path, 'db.execute("select 2")', "once"))
    number = told.stall(
        900,
        cpu(58, working, moved=50, between=(13, 600)),
        kernel(29, sleeping, "clock_nanosleep", between=(605, 895)),
        steps=31,
        longest_step_ms=298,
        cpu_ms=600,
        runq_ms=0,
    )
    crowd(told, number, path, each=20)
    event = next(each for each in told.events if each["e"] == "stall")
    told.event(
        "step", stall=number, loop=1, t0=event["t0"] + 601 * MS, t1=event["t0"] + 899 * MS, task=None, callback="x"
    )
    many, long = told.told().findings
    assert (many.rule, many.leaf, long.rule, long.leaf) == ("UJ401", "refresh", "UJ106", "sqlite3.Connection.execute")
    assert long.total_ms == pytest.approx(300, abs=15)


def consumer(told, path, change="again", contexts=0, **counted):
    """Half a second in which samples met the work of a consumer, whose own frame differed so from sample to sample."""
    working = told.stack(
        told.frame(path, "handle(item)", "consume"), told.frame(path, "item + 1", "handle", "function")
    )
    looks = [(0, "unknown", 0, None), *[(0, change, 0, contexts)] * 48]
    told.stall(
        500,
        cpu(len(looks), working, moved=15),
        cpu_ms=499,
        runq_ms=0,
        trail=told.trail(*looks),
        **counted,
    )
    return only(told.told())


def test_a_consumer_of_a_full_queue_never_yields():
    """At one instruction of its loop with other objects each time, it passed the await of that loop: the await is the culprit."""
    told, path = story()
    finding = consumer(told, path)
    line = told.frame(path, "await queue.get()", "consume").line
    assert (finding.rule, finding.leaf, finding.culprit.line) == ("UJ402", "queue.get", line)
    assert (finding.grade, finding.culprit.function) == (Grade.EXACT, "consume")
    assert any("48 times, and not once did it suspend" in each.text for each in finding.evidence)


def test_without_step_counters_it_is_inferred():
    """On uvloop only the contexts say that it was one step."""
    told, path = uvloop_story()
    finding = consumer(told, path, steps=None, longest_step_ms=None)
    assert (finding.rule, finding.grade) == ("UJ402", Grade.INFERRED)


@pytest.mark.parametrize(
    ("change", "contexts", "rule"),
    [("none", 0, "UJ303"), ("elsewhere", 0, "UJ301"), ("frame", 0, "UJ301"), ("again", 2, "UJ301")],
)
def test_what_proves_no_round_is_a_computation(change, contexts, rule):
    """A frame that stood still, may not have come back, is another one, or had steps between, has proved no round."""
    told, path = story()
    assert consumer(told, path, change, contexts).rule == rule


def test_rounds_that_are_long_themselves_are_computations():
    """Where one round takes longer than the threshold, what it computes is to blame and not the await."""
    told, path = story()
    working = told.stack(
        told.frame(path, "handle(item)", "consume"), told.frame(path, "item + 1", "handle", "function")
    )
    rounds = [(0, "again", 0, 0), *[(0, "elsewhere", 1, 0)] * 6] * 7
    told.stall(
        500,
        cpu(50, working, moved=30),
        cpu_ms=499,
        runq_ms=0,
        trail=told.trail((0, "unknown", 0, None), *rounds),
    )
    assert only(told.told()).rule == "UJ301"


def test_an_await_that_computes_long_is_a_computation():
    """A loop that awaits a coroutine which computes for long is blamed on the computation: it was not seen to pass its await often."""
    told, path = story()
    stack = told.stack(
        told.frame(path, "await heavy(item)", "steps"),
        told.frame(path, "work(item)", "heavy"),
        told.frame(path, "item * 2", "work", "function"),
    )
    looks = [(0, "unknown", 0, None), *[(0, "elsewhere", 2, 0)] * 46]
    told.stall(500, cpu(47, stack, moved=40), cpu_ms=499, runq_ms=0, trail=told.trail(*looks))
    finding = only(told.told())
    assert (finding.rule, finding.culprit.function) == ("UJ301", "work")


def queries(told, path, *looks, snippet='db.execute("select 1")', function="totals"):
    asking = told.stack(told.frame(path, snippet, function))
    told.stall(
        400,
        kernel(20, asking, "pread64", "file /srv/x", 4),
        cpu(18, asking, holds_gil=False),
        cpu_ms=180,
        runq_ms=0,
        trail=told.trail((0, "unknown", 0, None), *looks),
    )
    return only(told.told())


@pytest.mark.parametrize("function", ["totals", "once"])
def test_two_hundred_queries_in_one_step(function):
    """The line made another call from sample to sample, in a loop of its own or of its caller: many short calls, not a long one."""
    told, path = story()
    snippet = 'db.execute("select 1")' if function == "totals" else 'db.execute("select 2")'
    finding = queries(told, path, *[(0, "again", 0, 0), (1, "again", -1, 0)] * 18, snippet=snippet, function=function)
    assert (finding.rule, finding.leaf, finding.grade) == ("UJ403", "sqlite3.Connection.execute", Grade.EXACT)
    assert any("37 at least" in each.text for each in finding.evidence)
    assert "batch" in finding.remedies[0].text or "instead of many" in finding.remedies[0].text


def test_one_long_query_is_one_long_query():
    """A frame that stood still for longer than the threshold was in one call, whatever came before and after."""
    told, path = story()
    short = [(0, "again", 0, 0)] * 15
    assert queries(told, path, *short, *[(0, "none", 0, 0)] * 8, *short).rule == "UJ106"


def test_a_short_call_without_a_cpu_is_a_short_call():
    """The time in which the thread waited for a CPU does not make the call long in which it did."""
    told, path = story()
    asking = told.stack(told.frame(path, 'db.execute("select 1")', "totals"))
    short = [(0, "again", 0, 0)] * 15
    looks = [(0, "unknown", 0, None), *short, *[(1, "none", 0, 0)] * 8, *short]
    told.stall(400, cpu(31, asking), ready(8, asking), cpu_ms=320, runq_ms=80, trail=told.trail(*looks))
    assert {each.rule for each in told.told().findings} == {"UJ403", "UJ502"}


def test_what_goes_on_below_the_line_is_one_call():
    """A call that computes in frames of its own moves, and is the same call."""
    told, path = story()
    assert queries(told, path, *[(0, "again", 1, 0)] * 37).rule == "UJ106"
