"""Rules UJ501 to UJ503: the loop's own code is not to blame, and nobody says it is."""

from __future__ import annotations

import pytest
from stories import LOOP_TID, MS, Story, cpu, gil, kernel, library, only, ready, stdlib

from unjam.model.findings import Grade

CODE = """
import re, time
def hog(text):
    while True:
        re.findall("(a|b)*c", text)

async def handler():
    await session.get()
    time.sleep(1)
"""
THREAD = (stdlib("threading", "Thread._bootstrap"), stdlib("threading", "Thread.run"))


def story():
    told = Story()
    path = told.file("hog.py", CODE)
    holder = told.stack(
        told.frame(path, 're.findall("(a|b)*c", text)', "hog", "function"), stdlib("re", "findall"), runner=THREAD
    )
    told.event("threads", names={"200": "pdf-3", str(LOOP_TID): "MainThread"})
    waiting = told.stack(told.frame(path, "session.get()", "handler"), library("aiohttp.client", "ClientSession.get"))
    return told, path, holder, waiting


def test_the_holder_of_the_gil_is_the_culprit():
    """The loop waits for the GIL in an innocent line: the other thread, its line and its call are named."""
    told, path, holder, waiting = story()
    told.stall(500, gil(45, waiting, tid=200, holder=holder), kernel(2, waiting, "futex"), cpu_ms=5, runq_ms=1)
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.thread, finding.grade) == ("UJ501", "re.findall", "pdf-3", Grade.EXACT)
    assert (finding.culprit.file, finding.culprit.line) == (path, 4)
    assert "thread pdf-3" in finding.message
    assert finding.accounted.gil == pytest.approx(494 * 45 / 47, abs=1)


def test_a_thread_that_waits_by_now_is_not_accused():
    """A thread that was busy lately, and is seen in a wait for more to do, holds no GIL there: its own line may be any other."""
    told, path, holder, waiting = story()
    idle = told.stack(stdlib("queue", "Queue.get"), stdlib("threading", "Condition.wait"), runner=THREAD)
    asleep = told.stack(told.frame(path, "time.sleep(1)", "hog", "function"), runner=THREAD)
    for resting in (idle, asleep):
        told.stall(300, gil(28, waiting, tid=200, holder=resting), cpu_ms=0, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.culprit, finding.count) == ("", None, 2)
    assert "who held it could not be seen" in finding.message
    told.stall(
        300, gil(20, waiting, tid=200, holder=holder), gil(8, waiting, tid=200, holder=idle), cpu_ms=0, runq_ms=0
    )
    seen = next(each for each in told.told().findings if each.rule)
    assert (seen.rule, seen.leaf, round(seen.total_ms, -1)) == ("UJ501", "re.findall", 300)


def test_before_the_wake_up_as_well():
    """The wait for the GIL at the end of the loop's own select has no step at all, and the same culprit."""
    told, path, holder, _ = story()
    woken = told.stack(
        stdlib("selectors", "EpollSelector.select"), runner=(stdlib("asyncio.base_events", "BaseEventLoop._run_once"),)
    )
    told.stall(300, gil(28, woken, tid=200, holder=holder), cpu_ms=0, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.culprit.file) == ("UJ501", path)


def test_an_unseen_holder_accuses_nobody():
    """The GIL was kept by somebody: without a stack of his nobody is accused, and it is said what the loop waited for."""
    told, _, _, waiting = story()
    told.stall(300, gil(28, waiting, tid=None, holder=None), cpu_ms=0, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.culprit, finding.grade) == ("", None, Grade.UNKNOWN)
    assert "it waited for the GIL, and who held it could not be seen" in finding.message


def test_several_hogs_of_one_kind_are_one_finding():
    """Four threads that run the same function are one culprit."""
    told, _, holder, waiting = story()
    told.stall(400, *(gil(9, waiting, tid=200 + n, holder=holder) for n in range(4)), cpu_ms=0, runq_ms=0)
    assert only(told.told()).total_ms == 400


def test_a_pools_thread_tells_who_submitted_its_work():
    """A holder without a line of the user's (a library's function in a pool) is blamed on the line that submitted it."""
    told, path, _, waiting = story()
    holder = told.stack(library("fitz", "Page.render"), runner=THREAD)
    told.event("pool", pool="default", kind="executor", limit=6, busy=1, queued=0, oldest_ns=0, workers=[
        {"thread": "pdf-3", "call": "Page.render", "file": library("fitz", "x").file, "line": 3, "age_ns": 10, "site": [path, 7, "handler"]}
    ])  # fmt: skip
    told.stall(300, gil(28, waiting, tid=200, holder=holder), cpu_ms=0, runq_ms=0)
    finding = next(each for each in told.told().findings if each.rule == "UJ501")
    assert (finding.leaf, finding.culprit.line) == ("fitz.Page.render", 7)
    assert any("submitted at" in each.text for each in finding.evidence)


def test_a_short_wait_for_the_gil_beside_a_sleep_is_the_sleeps():
    """What is too small to be told goes to the largest, so that all of the time is attributed."""
    told, path, holder, _ = story()
    sleeping = told.stack(told.frame(path, "time.sleep(1)", "handler"))
    told.stall(
        500, kernel(46, sleeping, "clock_nanosleep"), gil(2, sleeping, tid=200, holder=holder), cpu_ms=1, runq_ms=0
    )
    finding = only(told.told())
    assert (finding.rule, finding.total_ms) == ("UJ101", 500)
    assert 0 < finding.accounted.gil < 30


def followed(n, waiting, holder, *, starved_ms, tid=200):
    """Looks at a loop that waits for the GIL, whose holder was followed all the time."""
    sample = gil(n, waiting, tid=tid, holder=holder)
    sample["holder"] |= {"followed_ns": n * 10 * MS, "starved_ns": starved_ms * MS}
    return sample


def test_a_holder_without_a_cpu_keeps_nothing():
    """A thread that has the GIL and is given no CPU is a victim itself: the loop's wait for it is nobody's line."""
    told, _, holder, waiting = story()
    told.stall(300, followed(28, waiting, holder, starved_ms=270), cpu_ms=1, runq_ms=1)
    finding = only(told.told())
    assert (finding.rule, finding.culprit) == ("UJ502", None)
    assert "the GIL of a thread that was ready and got no CPU itself" in finding.evidence[-1].text


def test_the_time_that_a_holder_ran_is_his():
    """A holder that had a CPU for half of the time is the culprit of that half."""
    told, _, holder, waiting = story()
    told.stall(400, followed(40, waiting, holder, starved_ms=200), cpu_ms=0, runq_ms=0)
    times = {finding.rule: finding.total_ms for finding in told.told().findings}
    assert times == {"UJ501": pytest.approx(200, abs=1), "UJ502": pytest.approx(200, abs=1)}


@pytest.mark.parametrize(("starved_ms", "rules"), [(130, ["UJ501"]), (140, ["UJ501", "UJ502"])])
def test_a_holder_loses_its_cpu_to_those_who_ask_for_the_gil(starved_ms, rules):
    """They wake up every few milliseconds to ask again: less than a third of the time without a CPU is no fault of the machine's."""
    told, _, holder, waiting = story()
    told.stall(400, followed(40, waiting, holder, starved_ms=starved_ms), cpu_ms=0, runq_ms=0)
    assert sorted(finding.rule for finding in told.told().findings) == rules


def test_a_stall_that_a_cpu_would_have_spared_is_nobodys():
    """30 ms of work in a turn of 60 ms, half of which the loop waited for a CPU: the work alone was no stall."""
    told, path, _, _ = story()
    stack = told.stack(told.frame(path, "time.sleep(1)", "handler"))
    told.stall(60, cpu(3, stack), ready(2, stack), cpu_ms=30, runq_ms=30)
    finding = only(told.told())
    assert (finding.rule, finding.culprit) == ("UJ502", None)


def test_a_collection_in_another_thread_is_nobodys_line():
    """A worker allocates once too often and the collector keeps the GIL: the line in which it struck is innocent."""
    told, _, holder, waiting = story()
    told.stall(300, gil(28, waiting, tid=200, holder=holder), cpu_ms=1, runq_ms=1)
    told.event("gc", t0=1002 * MS, t1=1299 * MS, gen=2, collected=9, uncollectable=0, tid=200, loop=None)
    finding = only(told.told())
    assert (finding.rule, finding.culprit, finding.thread) == ("UJ304", None, "pdf-3")
    assert finding.accounted.gil >= 297


def test_a_short_collection_in_another_thread_does_not_excuse_it():
    """What the collector took of a long hold of the GIL is told as its own, the rest stays with the line that kept it."""
    told, path, holder, waiting = story()
    told.stall(400, gil(38, waiting, tid=200, holder=holder), cpu_ms=0, runq_ms=0)
    told.event("gc", t0=1100 * MS, t1=1200 * MS, gen=2, collected=9, uncollectable=0, tid=200, loop=None)
    found = {finding.rule: finding for finding in told.told().findings}
    assert {rule: round(finding.total_ms, -1) for rule, finding in found.items()} == {"UJ501": 300, "UJ304": 100}
    assert found["UJ501"].culprit.file == path


def test_the_collector_says_where_it_struck():
    """A stack from the collector's own callback is nearer than any sample: the line after it is innocent."""
    told = Story()
    path = told.file("work.py", "import gc\nasync def handler():\n    gc.collect()\n    print(1)\n")
    struck, after = (told.stack(told.frame(path, code, "handler")) for code in ("gc.collect()", "print(1)"))
    told.stall(300, cpu(2, after, between=(290, 298)), cpu_ms=299, runq_ms=0)
    told.event(
        "gc", t0=1005 * MS, t1=1290 * MS, gen=2, collected=9, uncollectable=0, tid=LOOP_TID, loop=1, stack=struck
    )
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.culprit.line) == ("UJ304", "gc.collect", 3)


def test_a_collection_does_not_make_native_code_of_python():
    """In its pause the frames stand still and the GIL is kept: that is the collector's doing, not that of the line in which it struck."""
    told = Story()
    path = told.file("work.py", "import copy\nasync def handler(rows):\n    copy.deepcopy(rows)\n")
    user = told.frame(path, "copy.deepcopy(rows)", "handler")
    stack = told.stack(user, library("copy", "deepcopy"), library("copy", "_deepcopy_dict"))
    looks = [(0, "none" if 4 < number < 15 else "elsewhere", None if 4 < number < 15 else 2, 0) for number in range(19)]
    told.stall(
        200,
        cpu(19, stack, moved=8, between=(10, 190)),
        cpu_ms=200,
        runq_ms=0,
        gil_asked_ms=90,
        trail=told.trail(*looks),
    )
    told.event("gc", t0=1050 * MS, t1=1150 * MS, gen=2, collected=9, uncollectable=0, tid=LOOP_TID, loop=1)
    assert {finding.rule for finding in told.told().findings} == {"UJ301", "UJ304"}


def test_a_collector_without_a_cpu_did_not_collect():
    """A pause of 100 ms in a stall that had a CPU for half of its time: the collector took half of that."""
    told = Story()
    path = told.file("work.py", "async def handler():\n    build()\n")
    stack = told.stack(told.frame(path, "build()", "handler"))
    told.stall(400, cpu(10, stack, moved=9), ready(10, stack), cpu_ms=200, runq_ms=200)
    told.event("gc", t0=1100 * MS, t1=1200 * MS, gen=2, collected=9, uncollectable=0, tid=LOOP_TID, loop=1)
    found = {finding.rule: round(finding.total_ms) for finding in told.told().findings}
    assert found == {"UJ502": 200, "UJ301": 150, "UJ304": 50}


@pytest.mark.parametrize(
    ("tier", "cpu_ms", "rule"), [("python", 37, ""), ("python", 60, "UJ301"), ("native", 37, "UJ301")]
)
def test_who_computes_for_less_than_a_stall_made_none(tier, cpu_ms, rule):
    """The twin does not see a wait for the GIL: 37 ms of CPU in a stall of 110 are no stall, and the rest may have been another thread's."""
    told = Story(tier=tier)
    path = told.file("work.py", "async def handler():\n    build()\n")
    stack = told.stack(told.frame(path, "build()", "handler"))
    told.stall(110, cpu(5, stack, moved=4, holds_gil=None), ready(3, stack), cpu_ms=cpu_ms, runq_ms=45)
    (own,) = (each for each in told.told().findings if each.rule != "UJ502")
    assert (own.rule, own.culprit is None) == (rule, not rule)


@pytest.mark.parametrize(("pause_ms", "rules"), [(210, {"UJ304": 120, "UJ502": 97}), (40, {"": 217})])
def test_a_collection_needs_no_sample(pause_ms, rules):
    """The twin cannot look while the collector keeps the GIL, but the collector's own clock tells: if it made the stall, that is known."""
    told = Story(tier="python")
    path = told.file("work.py", "async def handler():\n    build()\n")
    stack = told.stack(told.frame(path, "build()", "handler"))
    told.stall(217, cpu_ms=120, runq_ms=97)
    told.event("gc", t0=1001 * MS, t1=(1001 + pause_ms) * MS, gen=2, collected=0, uncollectable=0, tid=LOOP_TID, loop=1, stack=stack)  # fmt: skip
    assert {each.rule: round(each.total_ms) for each in told.told().findings} == rules


@pytest.mark.parametrize(("ended", "rules"), [(True, ["UJ502"]), (False, ["UJ101"])])
def test_what_goes_on_may_become_a_stall_with_a_cpu_too(ended, rules):
    """A thread that slept for 40 of 52 ms was short of a stall, if it was that; where it sleeps on, the CPU is not what it lacks."""
    told = Story()
    path = told.file("work.py", "import time\nasync def handler():\n    time.sleep(60)\n")
    stack = told.stack(told.frame(path, "time.sleep(60)", "handler"))
    told.stall(52, kernel(3, stack, "clock_nanosleep"), ready(1, stack), cpu_ms=0, runq_ms=12)
    if not ended:
        told.events[-1]["t1"] = None
    assert [each.rule for each in told.told().findings] == rules


def test_no_cpu_is_nobodys_line():
    """Ready and not run for 352 of 452 ms under a quota: UJ502, no culprit, and the innocent 100 ms accuse nobody else."""
    told = Story()
    path = told.file("work.py", "async def h():\n    compute()\n")
    stack = told.stack(told.frame(path, "compute()", "h"))
    told.stall(392, ready(30, stack), cpu(4, stack, moved=3), cpu_ms=40, runq_ms=352, throttled_ms=340)
    finding = only(told.told())
    assert (finding.rule, finding.culprit, finding.leaf) == ("UJ502", None, "CPU quota")
    assert finding.accounted.runqueue == 352
    assert any("352 of 392 ms" in each.text for each in finding.evidence)


def test_work_and_starvation_are_told_apart():
    """400 ms of work and 300 ms without a CPU are two findings with their own times."""
    told = Story()
    path = told.file("work.py", "async def h():\n    compute()\n")
    stack = told.stack(told.frame(path, "compute()", "h"))
    told.stall(700, ready(30, stack), cpu(38, stack, moved=30), cpu_ms=400, runq_ms=300)
    work, starved = told.told().findings
    assert (work.rule, starved.rule) == ("UJ301", "UJ502")
    assert (round(work.total_ms), round(starved.total_ms)) == (400, 300)


def test_a_stopped_process_is_not_a_stall():
    """SIGSTOP for two seconds: UJ503 is told, no stall is counted, no line is named, no loop time is called stolen."""
    told, _, _, waiting = story()
    told.stall(2020, kernel(3, waiting, "epoll_wait"), cpu_ms=1, runq_ms=0, suspended_ms=2000)
    session = told.told()
    finding = only(session)
    assert (finding.rule, finding.culprit, finding.total_ms) == ("UJ503", None, 2000)
    assert session.loops[0].stalls == 0
    assert "the process was stopped" in session.verdict


def test_a_stall_around_a_stop_is_only_as_long_as_itself():
    """A sleep of 300 ms into which the process was stopped for a second is a sleep of 300 ms."""
    told, path, _, _ = story()
    told.stall(
        1300,
        kernel(28, told.stack(told.frame(path, "time.sleep(1)", "handler")), "clock_nanosleep"),
        cpu_ms=1,
        runq_ms=0,
        suspended_ms=1000,
    )
    sleep, stop = told.told().findings
    assert (sleep.rule, sleep.total_ms, stop.rule) == ("UJ101", 300, "UJ503")


def test_a_stall_nobody_looked_at_accuses_nobody():
    """No sample, or a single one of code that is not known to block: the cause is unknown, and it is said why."""
    told, path, _, _ = story()
    told.stall(60, cpu_ms=None, runq_ms=None)
    told.stall(60, cpu(1, told.stack(told.frame(path, "session.get()", "handler")), moved=None), cpu_ms=60, runq_ms=0)
    for finding in told.told().findings:
        assert (finding.rule, finding.cause, finding.culprit, finding.grade) == ("", "unknown", None, Grade.UNKNOWN)
        assert any(each.kind == "unknown" and each.text for each in finding.evidence)
    assert "could not see what, because" in told.told().verdict


def test_a_parked_loop_is_not_blocked():
    """Samples in the loop's own select name no cause: nothing of the program ran."""
    told = Story()
    parked = told.stack(
        stdlib("selectors", "EpollSelector.select"), runner=(stdlib("asyncio.base_events", "BaseEventLoop._run_once"),)
    )
    told.stall(100, kernel(9, parked, "epoll_wait", "", 5), cpu_ms=0, runq_ms=0)
    assert only(told.told()).rule == ""


@pytest.mark.parametrize("inner", [["Runner.close"], ["Runner.close", "_cancel_all_tasks"]])
def test_the_end_of_asyncio_run_is_no_loop_within_another(inner):
    """It runs its own loop again, to cancel what is left and to close it; a thread without a CPU may be seen right there."""
    told = Story()
    path = told.file("main.py", "import asyncio\nasyncio.run(main())\n")
    stack = told.stack(
        *(stdlib("asyncio.runners", name) for name in ["run", "Runner.__exit__", *inner]),
        stdlib("asyncio.base_events", "BaseEventLoop.run_until_complete"),
        runner=(told.frame(path, "asyncio.run(main())", "<module>", "module"),),
    )
    told.stall(60, {"n": 4, "stack": stack, "state": "unknown"}, cpu_ms=2, runq_ms=None)
    assert only(told.told()).rule == ""


def test_a_late_end_of_select_may_have_had_no_cpu():
    """A loop seen in its select although something was due got no CPU or no GIL; where neither is measured, the finding says that."""
    told = Story()
    parked = told.stack(
        stdlib("selectors", "EpollSelector.select"), runner=(stdlib("asyncio.base_events", "BaseEventLoop._run_once"),)
    )
    told.stall(100, {"n": 9, "stack": parked, "state": "unknown"}, cpu_ms=2, runq_ms=None)
    (why,) = (each.text for each in only(told.told()).evidence if each.kind == "unknown")
    assert "whether it waited or was given none was not measured" in why


def test_one_look_into_a_call_that_waits_is_no_wait_where_no_state_is_seen():
    """A computation without a CPU ends in a `print`: that it ran for little of the time does not make that one line wait for all of it."""
    told = Story()
    path = told.file("v.py", "async def h(rows):\n    compute(rows)\n    print(rows)\n")
    computing, printing = (told.stack(told.frame(path, code, "h")) for code in ("compute(rows)", "print(rows)"))
    looks = [{"n": n, "stack": stack, "state": "unknown", "moved": n} for n, stack in ((29, computing), (1, printing))]
    told.stall(600, *looks, cpu_ms=100, runq_ms=None)
    for finding in told.told().findings:
        assert (finding.rule, finding.culprit, finding.grade) == ("", None, Grade.UNKNOWN)


def test_one_look_without_a_state_leaves_the_others_theirs():
    """The twin saw 21 times that the thread waits, and once nothing: the wait is one all the same."""
    told, path, _, _ = story()
    stack = told.stack(told.frame(path, "time.sleep(1)", "handler"))
    blind = {"n": 1, "stack": stack, "state": "unknown", "between": (290, 290)}
    told.stall(300, kernel(21, stack, "clock_nanosleep"), blind, cpu_ms=4, runq_ms=1)
    finding = only(told.told())
    assert (finding.rule, finding.accounted.kernel) == ("UJ101", 295)


def test_a_wait_that_is_known_to_have_gone_on_needs_one_look():
    """The watchdog had a CPU for one look only, and the scheduler shows that the thread did not run again until the end of its sleep."""
    told, path, _, _ = story()
    stack = told.stack(told.frame(path, "time.sleep(1)", "handler"))
    told.stall(150, kernel(1, stack, "clock_nanosleep", between=(20, 149)), cpu_ms=1, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.grade, finding.total_ms) == ("UJ101", Grade.EXACT, 150)
    told, path, _, _ = story()
    stack = told.stack(told.frame(path, "time.sleep(1)", "handler"))
    told.stall(150, kernel(1, stack, "clock_nanosleep", between=(20, 20)), cpu_ms=1, runq_ms=0)
    assert only(told.told()).rule == ""


def test_a_higher_threshold_leaves_short_stalls_out():
    """The same recording at 500 ms tells only what took longer."""
    told, path, _, _ = story()
    stack = told.stack(told.frame(path, "time.sleep(1)", "handler"))
    for length in (100, 600):
        told.stall(length, kernel(length // 10, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
    assert only(told.told(threshold_ms=500)).total_ms == 600


def test_the_start_of_a_thread_is_not_the_fault_of_the_line_that_starts_it():
    """A new thread that gets no CPU keeps `to_thread` waiting inside Thread.start: no wait for a future, and nobody's line."""
    told = Story()
    path = told.file("t.py", "import asyncio\nasync def h():\n    await asyncio.to_thread(work)\n")
    starting = (
        stdlib("concurrent.futures.thread", "ThreadPoolExecutor.submit"),
        stdlib("threading", "Thread.start"),
        stdlib("threading", "Event.wait"),
    )
    stack = told.stack(told.frame(path, "asyncio.to_thread(work)", "h"), *starting)
    told.stall(300, kernel(28, stack, "futex", "futex"), cpu_ms=0, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.culprit) == ("", None)
    assert "a new thread to start" in finding.message


def test_the_start_of_a_thread_is_known_without_any_line_of_the_users():
    """A task of a library alone, or of ours, whose frames are not shown: Thread.start may be the first frame of the step."""
    told = Story()
    stack = told.stack(stdlib("threading", "Thread.start"), stdlib("threading", "Event.wait"))
    told.stall(300, kernel(28, stack, "futex", "futex"), cpu_ms=0, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.culprit) == ("", None)
    assert "a new thread to start" in finding.message


def test_what_unjam_does_around_a_fork_is_nobodys_line():
    """Its threads are stopped before a fork and started after it; where they get no CPU, that holds the loop up, and no fork of the user's does."""
    for hook in ("_before_fork", "_after_fork_in_parent"):
        told = Story()
        path = told.file("f.py", "async def h(process):\n    process.start()\n")
        starting = (stdlib("multiprocessing.process", "BaseProcess.start"), library("unjam.monitor", hook))
        stack = told.stack(told.frame(path, "process.start()", "h"), *starting, stdlib("contextlib", "inner"))
        told.stall(90, kernel(6, stack, "futex", "futex"), cpu_ms=1, runq_ms=2)
        finding = only(told.told())
        assert (finding.rule, finding.culprit) == ("", None)
        assert "unjam waited for its own threads" in finding.message


def test_who_waits_for_the_gil_may_lack_a_cpu_himself():
    """Each time it is woken to ask for the GIL the loop's thread may find no CPU: that time is no holder's, though every sample met the wait."""
    told, _, holder, waiting = story()
    told.stall(72, gil(2, waiting, tid=200, holder=holder), cpu_ms=1, runq_ms=54)
    finding = only(told.told())
    assert (finding.rule, finding.culprit) == ("UJ502", None)
    told, path, holder, waiting = story()
    told.stall(300, gil(25, waiting, tid=200, holder=holder), cpu_ms=1, runq_ms=40)
    finding = only(told.told())
    assert (finding.rule, finding.culprit.file, finding.total_ms) == ("UJ501", path, 300)


def test_a_hog_in_bytecode_is_named_by_its_function():
    """What a holder of the GIL computes is its function's work, not the expression that one sample met."""
    told, _, _, waiting = story()
    path = told.file("sum.py", "def crunch(n):\n    return sum(x * x for x in range(n))\n")
    outer = told.frame(path, "sum(x * x for x in range(n))", "crunch", "function")
    inner = told.frame(path, "x * x", "crunch.<locals>.<genexpr>", "generator")
    inside, beside = told.stack(outer, inner, runner=THREAD), told.stack(outer, runner=THREAD)
    told.stall(
        300, gil(20, waiting, tid=200, holder=inside), gil(8, waiting, tid=200, holder=beside), cpu_ms=0, runq_ms=0
    )
    told.stall(
        300, gil(8, waiting, tid=200, holder=inside), gil(20, waiting, tid=200, holder=beside), cpu_ms=0, runq_ms=0
    )
    assert (only(told.told()).count, only(told.told()).culprit.line) == (2, 2)


def test_a_stop_while_the_loop_waits_is_told():
    """What was due came late, and no stall says why; a stop within a stall is that stall's."""
    told, _, _, waiting = story()
    told.stall(900, kernel(20, waiting, "clock_nanosleep"), cpu_ms=1, runq_ms=1, suspended_ms=600)
    for start in (1100, 4000, 6000):
        told.event("stopped", t0=start * MS, t1=(start + 600) * MS)
    (found,) = (each for each in told.told().findings if each.leaf == "process stopped" and each.count > 1)
    assert (found.rule, found.culprit, found.count, round(found.total_ms)) == ("UJ503", None, 3, 1800)


def test_a_stop_of_a_process_without_a_loop_is_nobodys_business():
    """A program that runs no loop has nothing that came late."""
    told = Story()
    told.events = [each for each in told.events if each["e"] != "loop"]
    told.event("stopped", t0=1100 * MS, t1=1700 * MS)
    assert told.told().findings == ()
