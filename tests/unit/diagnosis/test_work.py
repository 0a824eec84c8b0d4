"""Rules UJ301 to UJ304: what the loop's thread computed, and whether a thread would have helped."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stories import LOOP_TID, MS, Story, cpu, kernel, library, only, ready, stdlib

from unjam.model.findings import Grade
from unjam.model.stacks import Frame

WORK = """
import hashlib, json, re, gc, time

async def handler(rows):
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**6)
    json.dumps(rows)
    sorted(rows)
    re.match("(a+)+$", text)
    spam.crunch(rows)
    gc.collect()
    return total(rows)

def total(rows):
    result = 0
    for row in rows:
        result += price(row)
    return result

def price(row):
    a = row * 2
    b = a + 1
    return b

async def last():
    print(rows)
    time.sleep(1)
"""


def story(snippet: str, *below, function="handler", kind="coroutine"):
    told = Story()
    path = told.file("work.py", WORK)
    return told, told.stack(told.frame(path, snippet, function, kind), *below)


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        ({"state": "cpu"}, "on a CPU, "),
        ({"state": "ready"}, "ready, and without a CPU when it was looked at, "),
        ({"state": "unknown", "unseen_ns": 80 * MS}, "looked at too late to see what the thread did, as "),
        ({"state": "unknown", "unseen_ns": 0}, "state of the thread not observed, "),
    ],
)
def test_what_was_seen_of_the_thread_is_said(sample, said):
    """A thread that nobody could look at is told apart from one that had no CPU when somebody did, and from one that was looked at late."""
    told, stack = story("result += price(row)", function="total", kind="function")
    told.stall(300, {"n": 28, "stack": stack, **sample, "moved": 20}, cpu_ms=70, runq_ms=None)
    assert any(each.text.startswith(said) for finding in told.told().findings for each in finding.evidence)


def test_native_code_without_the_gil_may_go_to_a_thread():
    """pbkdf2 releases the GIL: UJ302, and a thread is the first remedy."""
    told, stack = story('hashlib.pbkdf2_hmac("sha256", b"", b"", 10**6)')
    told.stall(300, cpu(28, stack, holds_gil=False), cpu_ms=299, runq_ms=1)
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.grade) == ("UJ302", "hashlib.pbkdf2_hmac", Grade.EXACT)
    assert "asyncio.to_thread" in finding.remedies[0].text


@pytest.mark.parametrize(
    ("snippet", "leaf"),
    [("json.dumps(rows)", "json.dumps"), ("sorted(rows)", "sorted"), ('re.match("(a+)+$", text)', "re.match")],
)
def test_native_code_with_the_gil_may_not(snippet, leaf):
    """json, sorted and re keep the GIL: UJ303, and no remedy holds a thread."""
    below = {
        "json.dumps": [stdlib("json", "dumps"), stdlib("json.encoder", "JSONEncoder.encode")],
        "re.match": [stdlib("re", "match")],
    }
    told, stack = story(snippet, *below.get(leaf, []))
    told.stall(300, cpu(28, stack), cpu_ms=299, runq_ms=1, gil_asked_ms=250)
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.grade) == ("UJ303", leaf, Grade.PROVED)
    assert not any("thread" in remedy.text for remedy in finding.remedies)


def test_native_code_that_let_others_have_the_gil_called_bytecode():
    """As re.sub with a function does between its calls: whoever asked all the time got the GIL within 5 ms, so a thread would help."""
    told, stack = story('re.match("(a+)+$", text)', stdlib("re", "match"))
    told.stall(300, cpu(28, stack), cpu_ms=299, runq_ms=1, gil_asked_ms=5)
    finding = only(told.told())
    assert (finding.rule, finding.grade) == ("UJ301", Grade.INFERRED)
    told, stack = story('re.match("(a+)+$", text)', stdlib("re", "match"))
    told.stall(300, cpu(28, stack), cpu_ms=299, runq_ms=1)
    assert only(told.told()).rule == "UJ303"  # nobody asked


def test_unknown_native_code_is_told_by_the_gil():
    """A C function in no record: one long call that holds the GIL is UJ303, one that does not is UJ302."""
    told, stack = story("spam.crunch(rows)")
    told.stall(300, cpu(28, stack, holds_gil=True), cpu_ms=299, runq_ms=1)
    assert (only(told.told()).rule, only(told.told()).leaf) == ("UJ303", "spam.crunch")
    told, stack = story("spam.crunch(rows)")
    told.stall(300, cpu(28, stack, holds_gil=False), cpu_ms=299, runq_ms=1)
    assert only(told.told()).rule == "UJ302"


def test_bytecode_is_blamed_where_most_of_it_ran():
    """Samples on many lines of a function and its callers lead to the innermost function that most of them share."""
    told = Story()
    path = told.file("work.py", WORK)
    outer = told.frame(path, "total(rows)", "handler")
    loop = told.frame(path, "price(row)", "total", "function")
    lines = [told.frame(path, text, "price", "function") for text in ("row * 2", "a + 1", "b")]
    stacks = [told.stack(outer, loop, line) for line in lines]
    told.stall(
        400, *(cpu(n, stack, moved=n) for n, stack in zip((20, 9, 8), stacks, strict=True)), cpu_ms=399, runq_ms=1
    )
    finding = only(told.told())
    assert (finding.rule, finding.culprit.function, finding.leaf) == ("UJ301", "price", "price")
    assert finding.culprit.line == lines[0].line
    assert finding.accounted.cpu == 399


def test_bytecode_spread_over_many_functions_is_their_callers():
    """Where no callee has most of the time, the function that calls them all is to blame, at the line seen most."""
    told = Story()
    path = told.file(
        "many.py",
        "async def handler():\n    a()\n    b()\n    c()\n" + "".join(f"def {name}():\n    work()\n" for name in "abc"),
    )
    stacks = [
        told.stack(told.frame(path, f"{name}()", "handler"), told.frame(path, "work()", name, "function"))
        for name in "abc"
    ]
    told.stall(
        400, *(cpu(n, stack, moved=n) for n, stack in zip((14, 12, 11), stacks, strict=True)), cpu_ms=399, runq_ms=1
    )
    finding = only(told.told())
    assert (finding.rule, finding.culprit.function, finding.culprit.line) == ("UJ301", "handler", 2)


def test_a_function_at_its_entry_has_done_nothing():
    """A sample at the line of a `def` is of a call that has just been made: the line that makes it is told, not the `def`."""
    told = Story()
    path = told.file("deep.py", "async def handler():\n    climb(9)\ndef climb(n):\n    return n and climb(n - 1)\n")
    calls = told.frame(path, "climb(9)", "handler"), told.frame(path, "climb(n - 1)", "climb", "function")
    told.stall(160, cpu(14, told.stack(*calls, Frame(path, 3, "climb", 0, 3, 0))), cpu_ms=150, runq_ms=9)
    assert (only(told.told()).culprit.line, only(told.told()).rule) == (4, "UJ301")


def test_a_stack_that_was_cut_is_no_cause_of_its_own():
    """The thread went on while its stack was read, three times of fourteen, and its step had just ended once: that is the computation's time."""
    told = Story()
    path = told.file("work.py", WORK)
    frames = told.frame(path, "return total(rows)", "handler"), told.frame(path, "price(row)", "total", "function")
    whole = told.stack(*frames)
    cut = told.stack(replace(frames[-1], kind="generator"), runner=(), whole=False)
    after = told.stack()
    told.stall(140, cpu(10, whole, moved=8), cpu(3, cut, moved=3), cpu(1, after, moved=1), cpu_ms=139, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.culprit.function, finding.total_ms) == ("UJ301", "total", pytest.approx(140, abs=1))


def test_many_short_native_calls_are_bytecode():
    """A thousand small json.dumps give way between calls: a request for the GIL is answered, so it is not UJ303."""
    told, stack = story("json.dumps(rows)", stdlib("json", "dumps"), stdlib("json.encoder", "JSONEncoder.encode"))
    told.stall(300, cpu(28, stack, moved=20), cpu_ms=299, runq_ms=1, gil_asked_ms=5)
    assert (only(told.told()).rule, only(told.told()).leaf) == ("UJ301", "json.dumps")


def test_an_unseen_state_is_told_by_the_cpu_clock():
    """Without the operating system's word, a thread that used all of the time computed, one that used none waited."""
    told, stack = story("json.dumps(rows)", stdlib("json", "dumps"))
    told.stall(300, {"n": 20, "stack": stack}, cpu_ms=290, runq_ms=5)
    finding = only(told.told())
    assert (finding.rule, finding.grade) == ("UJ303", Grade.INFERRED)


@pytest.mark.parametrize("tier", ["native", "python"])
def test_who_may_have_had_no_cpu_is_not_accused(tier):
    """Neither the state nor the run queue was seen, and the CPU clock says it hardly ran: it may have waited, or been given no CPU."""
    told, stack = story("json.dumps(rows)", stdlib("json", "dumps"))
    told.header["tier"] = tier
    told.stall(300, {"n": 20, "stack": stack}, cpu_ms=20, runq_ms=None, gil_asked_ms=280)
    finding = only(told.told())
    assert (finding.rule, finding.culprit, finding.grade) == ("", None, Grade.UNKNOWN)
    assert "not measured" in finding.message
    assert (finding.accounted.kernel, finding.accounted.unexplained) == (None, 280)


def test_a_known_wait_needs_no_more_than_its_name():
    """`time.sleep` on the stack all the time, and no CPU used: that it was kept from a CPU meanwhile would be no other story."""
    told, stack = story("time.sleep(1)")
    told.stall(300, {"n": 20, "stack": stack}, cpu_ms=0, runq_ms=None)
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.grade) == ("UJ101", "time.sleep", Grade.INFERRED)


def test_bytecode_in_a_call_is_seen_without_the_state_of_the_thread():
    """`sum` over a generator, seen in the call itself and yet moving: no native code, although the thread had a CPU for a part of the time only."""
    told = Story()
    path = told.file("work.py", "async def handler():\n    return sum(row.size for row in rows)\n")
    stack = told.stack(told.frame(path, "sum(row.size for row in rows)", "handler"))
    told.stall(190, {"n": 18, "stack": stack, "state": "unknown", "moved": 12}, cpu_ms=105, runq_ms=None)
    finding = only(told.told())
    assert (finding.rule, finding.grade) == ("UJ301", Grade.INFERRED)


LATE = {"n": 28, "state": "cpu", "moved": 0, "unseen_ns": 280 * MS, "between": (13, 293)}
"""One look of the twin, which had to wait 280 ms for the GIL."""


def told_late(*frames, code="json.dumps(rows)", runq_ms=0):
    told, stack = story(code, *frames)
    told.header["tier"] = "python"
    told.stall(300, LATE | {"stack": stack}, cpu_ms=299, runq_ms=runq_ms, gil_asked_ms=280)
    return only(told.told())


def test_the_twin_is_frozen_with_the_observed():
    """The Python tier sees a long hold of the GIL once, at its end: a call that is known to keep it is inferred to have done so."""
    finding = told_late(stdlib("json", "dumps"))
    assert (finding.rule, finding.leaf, finding.grade) == ("UJ303", "json.dumps", Grade.INFERRED)


def test_the_call_that_gives_the_gil_up_is_innocent():
    """The twin sees the line in which the GIL was given up: a call that releases it is not the one that kept it."""
    finding = told_late(code="print(rows)")
    assert (finding.rule, finding.culprit, finding.grade) == ("", None, Grade.UNKNOWN)


def test_an_unknown_call_is_only_suspected_of_having_kept_the_gil():
    """The GIL is given up at the end of a call that kept it, or in a later one: of a call that nobody knows neither is certain."""
    finding = told_late(code="spam.crunch(rows)")
    assert (finding.rule, finding.grade) == ("UJ303", Grade.SUSPECTED)


def test_who_looks_late_may_have_had_no_cpu():
    """Where run queues are not measured, a look that came late proves no hold of the GIL: no unknown call is suspected of one."""
    finding = told_late(code="spam.crunch(rows)", runq_ms=None)
    assert (finding.rule, finding.culprit, finding.grade) == ("", None, Grade.UNKNOWN)
    assert told_late(stdlib("json", "dumps"), runq_ms=None).rule == "UJ303"
    (why,) = (each.text for each in told_late(code="print(rows)", runq_ms=None).evidence if each.kind == "unknown")
    assert "was not measured" in why


def test_who_looks_late_at_a_sleep_sees_a_sleep():
    """One look of the twin came 60 ms late: a thread that did not run meanwhile kept no GIL, with /proc and without."""
    for state, runq_ms in (("unknown", None), ("kernel", 0)):
        told, stack = story("time.sleep(1)")
        told.header["tier"] = "python"
        look = {"n": 11, "stack": stack, "state": state, "sys": "clock_nanosleep", "moved": 0, "unseen_ns": 60 * MS}
        told.stall(159, look, cpu_ms=1, runq_ms=runq_ms)
        assert only(told.told()).rule == "UJ101"


def test_the_end_of_a_stall_does_not_speak_for_all_of_it():
    """A watchdog without a CPU looked once, at the end of 300 ms: what went on then is not what took so long."""
    told, stack = story("time.sleep(1)")
    told.stall(300, kernel(1, stack, "clock_nanosleep", between=(290, 290)), cpu_ms=250, runq_ms=40)
    finding = only(told.told())
    assert (finding.rule, finding.culprit, finding.grade) == ("", None, Grade.UNKNOWN)
    assert "looked at 1 times only" in finding.message


def test_a_query_that_computes_is_still_a_query():
    """SQLite works on the CPU for its answer: the cause is the database, not a computation of the program's."""
    told = Story()
    path = told.file("db.py", "import sqlite3\ndb = sqlite3.connect('x')\nasync def h():\n    db.execute('select 1')\n")
    told.stall(
        300,
        cpu(28, told.stack(told.frame(path, "db.execute('select 1')", "h")), holds_gil=False),
        cpu_ms=299,
        runq_ms=0,
    )
    assert only(told.told()).rule == "UJ106"


def test_a_collection_is_not_the_fault_of_the_line_it_struck():
    """An automatic collection is UJ304; the code that happened to allocate is not accused of computing."""
    told, stack = story("total(rows)")
    told.stall(400, cpu(37, stack, moved=3), cpu_ms=399, runq_ms=1)
    start = told.events[-1]["t0"]
    told.event("gc", t0=start + 20 * MS, t1=start + 380 * MS, gen=2, collected=5, uncollectable=0, tid=LOOP_TID, loop=1)
    finding = only(told.told())
    assert (finding.rule, finding.leaf) == ("UJ304", "automatic collection of generation 2")
    assert finding.total_ms == pytest.approx(400, abs=1)


def test_an_explicit_collection_is_the_line_that_asked_for_it():
    """gc.collect() in a request is named with its line."""
    told, stack = story("gc.collect()")
    told.stall(400, cpu(37, stack), cpu_ms=399, runq_ms=1)
    start = told.events[-1]["t0"]
    told.event("gc", t0=start, t1=start + 399 * MS, gen=2, collected=0, uncollectable=0, tid=LOOP_TID, loop=1)
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.culprit.function) == ("UJ304", "gc.collect", "handler")


def collecting(stack, group):
    told, *_ = stack
    told.stall(400, group, cpu_ms=3, runq_ms=1)
    start = told.events[-1]["t0"]
    told.event("gc", t0=start, t1=start + 399 * MS, gen=0, collected=9, uncollectable=0, tid=LOOP_TID, loop=1)
    return only(told.told())


def test_a_collection_that_waits_is_told_as_waiting():
    """The end of a freed cursor waits for the thread that uses its connection: kernel time, and freezing objects would be no cure."""
    told, stack = story("total(rows)")
    finding = collecting((told, stack), kernel(37, stack, "futex"))
    assert (finding.rule, finding.leaf) == ("UJ304", "automatic collection of generation 0, whose destructors waited")
    assert finding.accounted.kernel == pytest.approx(396, abs=4)
    assert any("waited 395 ms of that in futex" in each.text for each in finding.evidence)
    assert [each.text.split()[0] for each in finding.remedies] == ["close", "break"]


def test_a_wait_around_a_collection_is_not_the_collections():
    """Sleeps before and after a pause, in which nobody could look: the collector worked, and no destructor waited."""
    told, stack = story("time.sleep(1)", function="last")
    told.stall(400, kernel(25, stack, "clock_nanosleep"), cpu_ms=150, runq_ms=1)
    start = told.events[-1]["t0"]
    told.event(
        "gc", t0=start + 100 * MS, t1=start + 250 * MS, gen=2, collected=9, uncollectable=0, tid=LOOP_TID, loop=1
    )
    found = {finding.rule: finding for finding in told.told().findings}
    assert found["UJ304"].leaf == "automatic collection of generation 2"
    assert (found["UJ304"].accounted.kernel, found["UJ101"].culprit.function) == (None, "last")


def test_a_destructor_in_python_is_told_as_what_it_does():
    """`__del__` that sleeps while the collector runs it: a sleep at its own line, and no collection."""
    told = Story()
    path = told.file(
        "end.py",
        "import time\nclass Node:\n    def __del__(self):\n        time.sleep(1)\nasync def main():\n    rows = []\n",
    )
    frames = told.frame(path, "rows = []", "main"), told.frame(path, "time.sleep(1)", "Node.__del__", "function")
    stack = told.stack(*frames)
    finding = collecting((told, stack), kernel(37, stack, "clock_nanosleep"))
    assert (finding.rule, finding.culprit.line, finding.total_ms) == ("UJ101", 4, pytest.approx(400, abs=1))


def test_a_collection_of_another_thread_is_none_of_the_loops():
    """A pause in a thread without a loop is no pause of the loop: what the loop then waits for is the GIL."""
    told, stack = story("total(rows)")
    told.stall(400, cpu(37, stack, moved=30), cpu_ms=399, runq_ms=1)
    start = told.events[-1]["t0"]
    told.event("gc", t0=start, t1=start + 399 * MS, gen=2, collected=0, tid=999, loop=None)
    assert only(told.told()).rule == "UJ301"


def test_library_work_in_python_names_what_the_user_called():
    """Pure Python deep inside a library: the user's line, and the library's function that it called."""
    told, stack = story("total(rows)", library("bs4", "BeautifulSoup.__init__"), library("bs4.builder", "feed"))
    told.stall(300, cpu(28, stack, moved=25), cpu_ms=299, runq_ms=0)
    assert (only(told.told()).rule, only(told.told()).leaf) == ("UJ301", "bs4.BeautifulSoup")


def test_a_file_read_from_memory_is_file_work():
    """Reading a gigabyte out of the page cache keeps a CPU busy and is still reading a file."""
    told = Story()
    path = told.file("files.py", "async def h():\n    with open('x') as f:\n        f.read()\n")
    stack = told.stack(told.frame(path, "f.read()", "h"))
    told.stall(300, cpu(20, stack, holds_gil=False), kernel(8, stack, "read", "file /srv/x", 5), cpu_ms=200, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.leaf) == ("UJ102", "io.TextIOWrapper.read")


def test_samples_without_a_cpu_still_show_where_the_code_was():
    """On a starved machine nearly all samples are of a thread that waits for a CPU: its stack is as good as any."""
    told, stack = story("json.dumps(rows)", stdlib("json", "dumps"))
    told.stall(1000, ready(60, stack), cpu(2, stack), cpu_ms=200, runq_ms=800, gil_asked_ms=600)
    starved, dumps = told.told().findings
    assert (starved.rule, dumps.rule, dumps.leaf, round(dumps.total_ms)) == ("UJ502", "UJ303", "json.dumps", 200)


def test_a_starved_holder_of_the_gil_proves_nothing():
    """Who gets no CPU cannot give the GIL back either: a long request is no proof of native code."""
    told, stack = story("total(rows)")
    told.stall(1000, ready(40, stack, moved=9), cpu(20, stack, moved=9), cpu_ms=300, runq_ms=700, gil_asked_ms=600)
    assert sorted(each.rule for each in told.told().findings) == ["UJ301", "UJ502"]


@pytest.mark.parametrize(("cpu_ms", "rule"), [(290, "UJ303"), (170, "")])
def test_a_holder_that_may_have_been_starved_proves_nothing(cpu_ms, rule):
    """Where the run queue cannot be read, all that the thread did not run may be time without a CPU."""
    told, stack = story("total(rows)")
    told.stall(300, {"n": 20, "stack": stack}, cpu_ms=cpu_ms, runq_ms=None, gil_asked_ms=120)
    assert only(told.told()).rule == rule


def test_a_comprehension_is_its_functions_code():
    """A generator expression has a frame of its own; the finding names the function that it stands in."""
    told, _ = story("total(rows)")
    path = "/srv/app/work.py"
    inner = told.stack(
        told.frame(path, "total(rows)", "handler"), told.frame(path, "row * 2", "price.<locals>.<genexpr>", "generator")
    )
    told.stall(300, cpu(28, inner, moved=25), cpu_ms=299, runq_ms=0)
    assert (only(told.told()).rule, only(told.told()).culprit.function) == ("UJ301", "price")


def test_bytecode_of_one_line_is_one_finding():
    """`sum(x * x for x in rows)`: samples in the generator and in sum itself are the same line's work."""
    told = Story()
    path = told.file("sum.py", "async def h(rows):\n    return sum(x * x for x in rows)\n")
    outer = told.frame(path, "sum(x * x for x in rows)", "h")
    inner = told.frame(path, "x * x", "h.<locals>.<genexpr>", "generator")
    told.stall(
        300, cpu(16, told.stack(outer, inner), moved=15), cpu(12, told.stack(outer), moved=11), cpu_ms=299, runq_ms=0
    )
    assert (only(told.told()).rule, only(told.told()).count, only(told.told()).total_ms) == ("UJ301", 1, 300)


def summed():
    """A story with `sum` over a generator: the stack in it, and in `sum` itself."""
    told = Story()
    path = told.file("sum.py", "async def h(rows):\n    return sum(x * x for x in rows)\n")
    outer = told.frame(path, "sum(x * x for x in rows)", "h")
    inner = told.frame(path, "x * x", "h.<locals>.<genexpr>", "generator")
    return told, told.stack(outer, inner), told.stack(outer)


def test_a_call_that_runs_bytecode_is_bytecode():
    """`sum` is met a few times without the generator that it runs: each time a frame of its had just ended, and that is no native work."""
    told, inner, outer = summed()
    looks = [
        (0, "unknown", 0, None),
        *[(0, "again", 1, 0)] * 9,
        *[(1, "frame", 1, 0), (0, "frame", 1, 0)] * 5,
        (1, "frame", 1, 0),
    ]
    told.stall(220, cpu(15, inner), cpu(6, outer), cpu_ms=219, runq_ms=0, trail=told.trail(*looks))
    assert (only(told.told()).rule, only(told.told()).grade) == ("UJ301", Grade.EXACT)


@pytest.mark.parametrize("ended", ["frame", "cut"])
@pytest.mark.parametrize("asked", [5, None])
def test_a_call_that_runs_bytecode_may_stand_still_for_a_while(ended, asked):
    """By chance `sum` was met four times in a row between two items: a frame inside it was seen to end, whether or not it was read whole."""
    told, inner, outer = summed()
    looks = [
        (0, "unknown", 0, None),
        *[(0, "again", 1, 0)] * 5,
        (1, ended, 1, 0),
        *[(1, "none", 1, 0)] * 3,
        (0, "frame", 1, 0),
        (1, ended, 1, 0),
    ]
    told.stall(
        120,
        cpu(7, inner, moved=6),
        cpu(5, outer, moved=2),
        cpu_ms=119,
        runq_ms=0,
        gil_asked_ms=asked,
        trail=told.trail(*looks),
    )
    assert (only(told.told()).rule, only(told.told()).grade) == ("UJ301", Grade.EXACT)


def test_a_call_that_was_met_with_its_bytecode_is_one_share_with_it():
    """No frame inside `sum` was seen to end, for those looks did not follow one another: that it runs the generator is seen all the same."""
    told, inner, outer = summed()
    looks = [
        (0, "unknown", 0, None),
        *[(0, "again", 1, 0)] * 7,
        (1, "elsewhere", 0, 2),
        *[(1, "none", 1, 0)] * 2,
        (0, "elsewhere", 0, 2),
    ]
    told.stall(110, cpu(9, inner), cpu(3, outer), cpu_ms=109, runq_ms=0, trail=told.trail(*looks))
    found = only(told.told())
    assert (found.rule, found.grade, found.total_ms) == ("UJ301", Grade.EXACT, 110)


def test_native_work_beside_bytecode_of_its_line_is_told_apart():
    """`json.dumps` and a generator on one line: that call was never seen to run the other's bytecode."""
    told = Story()
    path = told.file("both.py", "async def h(rows):\n    return json.dumps(rows), sum(x * x for x in rows)\n")
    dumps = told.stack(told.frame(path, "json.dumps(rows)", "h"))
    outer = told.frame(path, "sum(x * x for x in rows)", "h")
    inner = told.stack(outer, told.frame(path, "x * x", "h.<locals>.<genexpr>", "generator"))
    told.stall(200, cpu(10, inner, moved=9), cpu(10, dumps, moved=0), cpu_ms=199, runq_ms=0)
    assert sorted(each.rule for each in told.told().findings) == ["UJ301", "UJ303"]


def test_samples_of_one_stack_are_judged_by_all_of_their_order():
    """Three looks with a CPU between many without one: the frame went on between them, whatever their own count of moves says."""
    told, inner, _ = summed()
    looks = [
        (0, "unknown", 0, None),
        *[(1, "again", 1, 0), (1, "elsewhere", 1, 0), (1, "none", 2, 0)] * 4,
        *[(0, "again", 1, 0)] * 2,
    ]
    told.stall(160, cpu(3, inner), ready(12, inner), cpu_ms=100, runq_ms=50, gil_asked_ms=12, trail=told.trail(*looks))
    assert [each.rule for each in told.told().findings if each.rule != "UJ502"] == ["UJ301"]


def test_the_end_of_one_call_is_no_motion():
    """`json.dumps` without a CPU for most of its time: that its caller went on at the end makes no bytecode of it."""
    told, stack = story("json.dumps(rows)", stdlib("json", "dumps"))
    looks = [(0, "unknown", 0, None), *[(0, "none", 2, 0)] * 9, (0, "elsewhere", 1, 0), (1, "none", 2, 0)]
    told.stall(150, ready(11, stack), cpu(1, stack), cpu_ms=70, runq_ms=79, trail=told.trail(*looks))
    assert [each.rule for each in told.told().findings if each.rule != "UJ502"] == ["UJ303"]


def test_one_line_that_calls_again_and_again_is_bytecode():
    """`writer.writerow` in a loop: always the same line and the same instruction, and another call each time."""
    told, stack = story("spam.crunch(rows)")
    looks = [(0, "unknown", 0, None), *[(0, "again", 0, 0)] * 27]
    told.stall(300, cpu(28, stack), cpu_ms=299, runq_ms=0, gil_asked_ms=5, trail=told.trail(*looks))
    assert (only(told.told()).rule, only(told.told()).grade) == ("UJ301", Grade.EXACT)


def test_a_call_in_which_nothing_changes_is_one_call():
    """Samples in which no frame changed, while a request for the GIL waited: native code, and proved to be."""
    told, stack = story("spam.crunch(rows)")
    looks = [(0, "unknown", 0, None), (0, "elsewhere", 0, 0), *[(0, "none", 1, 0)] * 26]
    told.stall(300, cpu(28, stack, moved=1), cpu_ms=299, runq_ms=0, gil_asked_ms=280, trail=told.trail(*looks))
    assert (only(told.told()).rule, only(told.told()).grade) == ("UJ303", Grade.PROVED)


def test_who_gives_the_gil_back_in_time_is_no_native_code():
    """A loop whose frames hold the same words each time it comes round looks like one call: the GIL tells that it is not."""
    told, stack = story("spam.crunch(rows)")
    looks = [(0, "unknown", 0, None), *[(0, "none", 1, 0)] * 27]
    told.stall(300, cpu(28, stack), cpu_ms=299, runq_ms=0, gil_asked_ms=5, trail=told.trail(*looks))
    assert only(told.told()).rule == "UJ301"


def test_one_look_at_work_does_not_answer_for_all_that_nobody_could_see():
    """With /proc unreadable, and too little CPU all along: what was seen at work once, in the last moment, did not hold the loop."""
    told, stack = story("result += price(row)", function="total", kind="function")
    last = told.stack(told.frame("/srv/app/work.py", "print(rows)", "last"))
    told.stall(386, {"n": 15, "stack": stack}, cpu(1, last, moved=1, between=(385, 385)), cpu_ms=110, runq_ms=None)
    finding = only(told.told())
    assert (finding.rule, finding.culprit, finding.grade) == ("", None, Grade.UNKNOWN)


def test_what_was_seen_at_work_is_at_work_where_it_may_have_lacked_a_cpu():
    """The same stack in looks with and without a CPU, as far as can be told: one computation."""
    told, stack = story("result += price(row)", function="total", kind="function")
    told.stall(249, {"n": 9, "stack": stack}, cpu(3, stack, moved=3), cpu_ms=105, runq_ms=None)
    finding = only(told.told())
    assert (finding.rule, finding.culprit.function) == ("UJ301", "total")


@pytest.mark.parametrize(("unseen_ms", "rule"), [(None, "UJ303"), (0, "UJ301")])
def test_what_gives_the_gil_whenever_it_is_asked_is_no_native_code_that_keeps_it(unseen_ms, rule):
    """Bytecode gives it up at one place of a loop, so that the Python tier sees it stand still; the C core looks without the GIL."""
    told, stack = story("spam.crunch(rows)")
    told.stall(120, cpu(10, stack, holds_gil=None, unseen_ns=unseen_ms), cpu_ms=119, runq_ms=1)
    assert only(told.told()).rule == rule


@pytest.mark.parametrize("at_ms", [(112, 122), (40, 122)])
def test_the_end_that_a_heartbeat_tells_of_is_no_work(at_ms):
    """uvloop on the Python tier: it is back in its select for up to half a threshold before that is known, and no second cause is told."""
    told = Story(tier="python", steps=False, loop="uvloop.Loop")
    path = told.file("work.py", WORK)
    stack = told.stack(told.frame(path, "result += price(row)", "total", "function"))
    samples = [cpu(6, stack, moved=5, between=(25, 102)), cpu(2, told.stack(), moved=1, between=at_ms)]
    told.stall(131, *samples, cpu_ms=110, runq_ms=2, steps=None, longest_step_ms=None)
    rules = [(finding.rule, finding.culprit is not None) for finding in told.told().findings]
    assert rules == ([("UJ301", True)] if at_ms[0] > 102 else [("UJ301", True), ("UJ301", False)])


@pytest.mark.parametrize("code", ["rows = parse(body)", "del rows"])
def test_what_a_name_held_is_freed_where_it_gets_another_value(code):
    """That is no Python code that computes: the objects are freed one after the other, in C."""
    told = Story()
    path = told.file("views.py", f"async def h(body):\n    rows = parse(body)\n    {code}\n")
    frame = told.frame(path, code, "h")
    column = frame.column + code.index("rows")
    stack = told.stack(replace(frame, line=3, end_line=3, column=column, end_column=column + 4))
    told.stall(100, cpu(8, stack), cpu_ms=99, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.culprit.line) == ("UJ303", "freeing what rows held", 3)
    assert finding.remedies[0].text.startswith("let it go in pieces")


def test_a_template_has_no_line_of_its_own():
    """Its compiled code has its file name, and lines that are not the template's: one finding, at the template."""
    told = Story()
    path = told.file("views.py", "async def h(page):\n    page.render()\n")
    user = told.frame(path, "page.render()", "h")
    rows = [Frame("/app/page.html", line, "root", column=8, end_line=line, end_column=30) for line in (29, 31)]
    stacks = [told.stack(user, library("jinja2.environment", "Template.render"), row) for row in rows]
    told.stall(200, *(cpu(9, stack, moved=8) for stack in stacks), cpu_ms=199, runq_ms=0)
    finding = only(told.told())
    assert (finding.culprit.file, finding.culprit.line, finding.culprit.function) == ("/app/page.html", 0, "root")
    assert "page.html in root" in finding.message


def test_work_that_is_nobodys_of_the_program_is_named_by_what_most_of_it_went_through():
    """Not by the outermost function of a library, through which everything goes."""
    told = Story()
    serve, execute = library("server", "serve", kind="coroutine"), library("graphql.execution", "execute")
    hot = library("graphql.execution", "complete_value")
    leaves = [library("graphql.types", name) for name in ("a", "b", "c")]
    stacks = [told.stack(serve, execute, hot, leaf) for leaf in leaves] + [told.stack(serve, library("server", "log"))]
    told.stall(400, *(cpu(9, stack, moved=8) for stack in stacks), cpu_ms=399, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.culprit) == ("UJ301", "graphql.execution.complete_value", None)


@pytest.mark.parametrize(("began", "rule"), [(60, "UJ303"), (10, "UJ301")])
def test_a_call_that_began_after_the_gil_was_asked_for_was_not_asked(began, rule):
    """Who asked as the stall passed the threshold got it from what ran then: that tells nothing of native code that came later."""
    told = Story()
    path = told.file(
        "views.py", "import json\ndef h(rows):\n    rows = [dict(each) for each in rows]\n    return json.dumps(rows)\n"
    )
    making = told.stack(told.frame(path, "[dict(each) for each in rows]", "h"))
    dumping = told.stack(told.frame(path, "json.dumps(rows)", "h"), library("json", "dumps"))
    samples = [cpu(10, dumping, between=(began, 158))]
    if began > 10:
        samples.insert(0, cpu(5, making, moved=4, between=(10, 50)))
    told.stall(160, *samples, cpu_ms=159, runq_ms=0, gil_asked_ms=10)
    assert rule in {finding.rule for finding in told.told().findings if finding.leaf == "json.dumps"}
