"""Pools, time-outs, victims, loops, the verdict, and what was not observed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stories import MS, Story, cpu, kernel, library, only, ready

from unjam.diagnosis.diagnose import diagnose, diagnose_stall
from unjam.diagnosis.findings import remedies_of
from unjam.diagnosis.source import Sources
from unjam.knowledge import index
from unjam.model.findings import Grade, Victim
from unjam.model.session import Process, Recording

CODE = "import time, json\nasync def h(rows):\n    time.sleep(1)\n    json.dumps(rows)\n"


def story():
    told = Story()
    path = told.file("views.py", CODE)
    return told, path, told.stack(told.frame(path, "time.sleep(1)", "h"))


def test_victims_belong_to_the_main_cause():
    """Who had to wait is listed with the delay, worst first, and counted."""
    told, _, stack = story()
    number = told.stall(300, kernel(28, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
    told.event("victims", stall=number, count=31, delay="exact", list=[
        {"kind": "callback", "name": "tick", "delay_ns": 295 * MS}, {"kind": "task", "name": "Task-8", "coroutine": "feed", "delay_ns": 100 * MS},
        {"kind": "task", "name": "feed", "delay_ns": 90 * MS}, {"kind": "request", "name": "GET /healthz", "delay_ns": 290 * MS}
    ])  # fmt: skip
    finding = only(told.told())
    assert finding.victims == (
        Victim("request", "GET /healthz", 290),
        Victim("task", "feed", 100, 2),
        Victim("callback", "tick", 295),
    )
    assert finding.victim_count == 31


def test_who_waited_for_two_holds_of_one_stall_is_one_victim():
    """Each hold has an event of its own; the holders are named once each."""
    told, _, stack = story()
    number = told.stall(300, kernel(28, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
    stall = next(each for each in told.events if each.get("id") == number and each["e"] == "stall")
    half = stall["t0"] + 150 * MS
    for t0, t1, n, delay in ((stall["t0"], half, 5, 100), (half, stall["t1"], 4, 150)):
        late = [{"name": "GET /fast", "n": n, "delay_ns": delay * MS}]
        told.event("request", t0=t0, t1=t1, loop=1, holder="GET /report", is_request=True, count=n, list=late)
    finding = only(told.told())
    assert ((Victim("request", "GET /fast", 150, 5),), 5) == (finding.victims, finding.victim_count)
    assert 1 == sum(each.text == "in request GET /report" for each in finding.evidence)


def test_measured_requests_are_victims():
    """What the middleware measured of a stall's requests is told once, by route; what it says of other stalls is not."""
    told, _, stack = story()
    number = told.stall(300, kernel(28, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
    stall = next(each for each in told.events if each.get("id") == number and each["e"] == "stall")
    told.event("victims", stall=number, count=3, delay="exact", list=[
        {"kind": "request", "name": "GET /items/{id}", "delay_ns": 80 * MS}, {"kind": "task", "name": "feed", "delay_ns": 90 * MS}
    ])  # fmt: skip
    late = [
        {"name": "GET /items/{id}", "n": 28, "delay_ns": 290 * MS},
        {"name": "GET /healthz", "n": 3, "delay_ns": 100 * MS},
    ]
    held = {"loop": 1, "holder": "GET /report", "is_request": True, "list": late}
    told.event("request", t0=stall["t0"] + MS, t1=stall["t1"], count=31, **held)
    told.event("request", t0=stall["t0"] + 1000 * MS, t1=stall["t1"] + 1000 * MS, count=7, **held)
    finding = only(told.told())
    assert finding.victims == (
        Victim("request", "GET /items/{id}", 290, 28),
        Victim("request", "GET /healthz", 100, 3),
        Victim("task", "feed", 90),
    )
    assert finding.victim_count == 32
    assert [each.text for each in finding.evidence if each.kind == "request"] == ["in request GET /report"]


def test_a_place_without_a_cause_is_told_beside_a_little_starvation():
    """What is too small to be told does not take the place of what is known of the rest."""
    told = Story()
    path = told.file("views.py", "def h(thing):\n    thing.wait_for_it()\n")
    stack = told.stack(told.frame(path, "thing.wait_for_it()", "h"))
    told.stall(151, kernel(13, stack, "futex_waitv"), cpu_ms=1, runq_ms=1)
    finding = only(told.told())
    assert (finding.rule, finding.culprit.line) == ("", 2)


def test_the_requests_in_which_a_line_blocked_are_named_by_what_they_cost():
    """Where the task was seen to handle one as it was late; a task of another step that was seen is not the one."""
    told, _, stack = story()
    cycle = {"name": "Task-7", "coroutine": "RequestResponseCycle.run_asgi"}
    for length, request, task in (
        (100, "GET /a", cycle),
        (200, "GET /b", cycle),
        (300, "GET /c", {"name": "x", "coroutine": "x"}),
    ):
        number = told.stall(length, kernel(length // 10, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
        told.step(number, task=cycle)
        told.event("step", stall=number, loop=1, t0=told.events[-1]["t0"], t1=None, task=task, request=request)
    finding = only(told.told())
    assert [each.text for each in finding.evidence if each.kind == "request"] == [
        "in request GET /b",
        "in request GET /a",
    ]


@pytest.mark.parametrize(
    ("steps", "measured", "said"), [(True, False, False), (False, False, True), (False, True, False)]
)
def test_it_is_said_where_nobody_knows_who_waited(steps, measured, said):
    """A loop that does not show what is ready has no victims, which is not to be read as nobody; a middleware knows some."""
    told = Story(steps=steps)
    stack = told.stack(told.frame(told.file("views.py", CODE), "time.sleep(1)", "h"))
    told.stall(300, kernel(28, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
    if measured:
        told.event("request", loop=1, t0=1, t1=2, count=0, holder="GET /", is_request=True, list=[])
    assert any(each.startswith("who waited") for each in told.told().not_observed) is said


def stats(told, **more):
    told.event(
        "stats",
        **(
            {
                "loop": 1,
                "turns": 1000,
                "steps": 2000,
                "away_ns": 300 * MS,
                "alive_ns": 3000 * MS,
                "longest_turn_ns": 250 * MS,
                "longest_step_ns": 200 * MS,
                "lag": {"0": 900, "100": 90, "200": 10},
            }
            | more
        ),
    )


def test_each_loop_has_its_numbers():
    """Utilisation, lag, turns and steps come from the last word of the counters, stalls from the stalls."""
    told, _, stack = story()
    stats(told, turns=1)
    told.stall(300, kernel(28, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
    stats(told)
    (loop,) = told.told().loops
    assert (loop.turns, loop.steps, loop.away_percent, loop.watched_s) == (1000, 2000, 10.0, 3.0)
    assert (loop.lag_max_ms, loop.longest_step_ms, loop.stalls, loop.stalled_ms) == (250, 200, 1, 300)
    assert loop.lag_p50_ms < loop.lag_p99_ms < loop.lag_max_ms


def test_what_was_not_measured_is_not_zero():
    """A loop without counters has None, not 0."""
    told, _, _ = story()
    (loop,) = told.told().loops
    assert (loop.turns, loop.away_percent, loop.lag_p50_ms, loop.lag_max_ms) == (None, None, None, None)
    assert "could not be observed" in told.told().verdict


def test_the_verdict_ranks_by_stolen_time():
    """The sentence on top says what stole how much, and nothing of what the loop did not lose."""
    told, path, stack = story()
    dumping = told.stack(told.frame(path, "json.dumps(rows)", "h"))
    told.stall(750, kernel(70, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
    told.stall(250, cpu(23, dumping), cpu_ms=249, runq_ms=0)
    assert told.told().verdict == "75 % sleeping on the loop, 25 % native code that computes too long and keeps the GIL"


def test_the_verdict_names_what_is_not_your_code():
    """Many causes in one sentence, the largest first, with the part for which no line of the program is to blame, and what stood beside it."""
    told, path, _ = story()
    told.files[path] = (
        *told.files[path],
        "def work(item):",
        "    return item",
        "async def get(url):",
        "    requests.get(url)",
    )
    asking = told.stack(told.frame(path, "requests.get", "get"), library("requests.api", "get"))
    working = told.stack(told.frame(path, "return item", "work", "function"))
    told.stall(610, kernel(58, asking, "recvfrom"), cpu_ms=0, runq_ms=0)
    told.stall(220, cpu(20, working, moved=15), steps=32, longest_step_ms=11, cpu_ms=219, runq_ms=0)
    number = told.stall(110, cpu(10, working), cpu_ms=109, runq_ms=0)
    stall = next(each for each in told.events if each["e"] == "stall" and each["id"] == number)
    told.event("gc", t0=stall["t0"], t1=stall["t1"], gen=2, collected=9, uncollectable=0, tid=100, loop=1)
    told.stall(60, ready(5, working), cpu_ms=0, runq_ms=60)
    told.event("timeout", loop=1, t0=1000 * MS, deadline=1500 * MS, t1=1600 * MS, kind="asyncio.timeout", task=None, chain=[], pool_ns=None, answered=None)  # fmt: skip
    assert told.told().verdict == (
        "61 % synchronous HTTP on the loop, 22 % many short steps in one turn, 11 % a garbage collection pause, "
        "6 % ready to run, but given no CPU - not your code; 1 timeout was our own fault"
    )


def test_the_verdict_says_why_it_does_not_know():
    """Where no cause was found, the sentence says so with the reason, and accuses nobody."""
    told, _, stack = story()
    told.stall(300, {"n": 20, "stack": stack}, cpu_ms=20, runq_ms=None)
    told.events[-1]["samples"] = []
    assert told.told().verdict == (
        "something held the loop and we could not see what, because it was over before it could be looked at"
    )


def test_a_healthy_program_is_told_so_with_numbers():
    """Nothing found is a result, and says how much was watched."""
    told, _, _ = story()
    stats(told)
    assert told.told().verdict == "everything looks good: nothing held the loop for 50 ms or more in 1,000 turns"


def test_of_a_program_whose_recording_has_a_gap_it_is_not_said_that_all_is_well():
    """What was not recorded may have held the loop."""
    told, _, _ = story()
    stats(told)
    (process,) = told.recording().processes
    session = diagnose(Recording("f", {}, (replace(process, dropped=3),)), source=told.files.get)
    assert session.verdict == ("nothing held the loop for 50 ms or more in 1,000 turns; 3 events could not be recorded")


def test_a_program_without_a_loop_is_told_so():
    """No loop ever ran."""
    told, _, _ = story()
    told.events.clear()
    assert told.told().verdict == "no event loop ran"


def test_what_could_not_be_seen_is_said_once_with_its_reason():
    """Sources that failed, the tier's reason and killed processes are listed."""
    told, _, _ = story()
    told.header |= {
        "not_observed": [{"what": "syscall", "reason": "refused"}] * 2,
        "tier": "python",
        "tier_reason": "no compiler",
    }
    process = told.recording().processes[0]
    killed = Process(7, process.header, process.events, process.stacks, killed=True, dropped=3)
    session = diagnose(
        Recording("f", {}, (killed, killed), ("8.jsonl: 1 line could not be read",)), source=told.files.get
    )
    assert session.not_observed == (
        "8.jsonl: 1 line could not be read", "syscall: refused", "native tier: no compiler",
        "at most the last second of process 7: it was killed",
    )  # fmt: skip
    assert session.dropped == 6


def killed_after_an_idle_minute(*, came_back: bool):
    """A process whose loop went away at 1 s, and came back or not, which last told of itself at 1.2 s, and was killed at 61.2 s."""
    told, _, stack = story()
    told.stall(200, kernel(18, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
    if not came_back:
        told.events[-1]["t1"] = None
    told.events.append({"e": "stats", "t": 1200 * MS, "loop": 1, "turns": 3, "steps": 3, "away_ns": 600 * MS, "alive_ns": 1200 * MS})  # fmt: skip
    (process,) = told.recording().processes
    killed = replace(process, killed=True, ended_ns=61_200 * MS)
    return diagnose(Recording("f", {"exit_code": -15}, (killed,)), source=told.files.get)


def test_a_killed_process_was_idle_until_its_end():
    """What idles writes nothing: the time until its end counts as watched, and not as time away."""
    session = killed_after_an_idle_minute(came_back=True)
    (loop,) = session.loops
    assert (61.2, 61.2, round(60 / 61.2, 2)) == (session.duration_s, loop.watched_s, loop.away_percent)
    assert session.not_observed == ("at most the last second of process 7: it was ended by SIGTERM",)


def test_a_stall_without_an_end_lasted_until_the_process_was_killed():
    """Its end would have been written; what came after its last line is unexplained, but counted."""
    session = killed_after_an_idle_minute(came_back=False)
    finding = only(session)
    assert (60_200.0, 200.0, 60_000.0) == (finding.total_ms, finding.accounted.kernel, finding.accounted.unexplained)
    assert ("UJ101", Grade.INFERRED) == (finding.rule, finding.grade)
    assert round(100 * 60.6 / 61.2, 2) == session.loops[0].away_percent


def test_a_worker_that_was_killed_lasted_until_its_last_word():
    """When it was killed nobody has seen; its loop was still away when it said so for the last time, and for no shorter is its longest turn."""
    told, _, stack = story()
    told.stall(200, kernel(18, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
    told.events[-1]["t1"] = None
    told.events.append({"e": "stats", "t": 1200 * MS, "loop": 1, "turns": 3, "steps": 3, "away_ns": 600 * MS, "alive_ns": 1200 * MS, "longest_turn_ns": 400 * MS})  # fmt: skip
    told.events.append({"e": "still", "t": 8000 * MS, "stall": 1})
    (process,) = told.recording().processes
    session = diagnose(Recording("f", {}, (replace(process, killed=True),)), source=told.files.get)
    (loop,) = session.loops
    assert (only(session).total_ms, loop.lag_max_ms, loop.watched_s) == (7000.0, 7000.0, 8.0)
    assert loop.away_percent == round(100 * 7.4 / 8, 2)


def test_a_python_that_is_not_supported_was_not_watched():
    """It is named with the reason, and counted nowhere."""
    old = Process(9, {"e": "process", "pid": 9, "tier": "none", "tier_reason": "Python 3.6.15 is too old"}, (), {})
    session = diagnose(Recording("f", {}, (old,)), source=lambda _: None)
    assert (session.pids, session.tiers, session.not_observed) == ((), (), ("process 9: Python 3.6.15 is too old",))


def test_processes_of_one_service_are_one_report():
    """Equal findings of two workers are one, on one clock."""
    told, _, stack = story()
    told.stall(300, kernel(28, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
    one = told.recording().processes[0]
    other = Process(8, one.header | {"pid": 8}, one.events, one.stacks)
    session = diagnose(Recording("f", {"exit_code": 3}, (one, other)), source=told.files.get)
    assert (only(session).count, session.pids, session.exit_code) == (2, (7, 8), 3)
    assert session.sources == {"/srv/app/views.py": told.files["/srv/app/views.py"]}


def test_one_stall_can_be_told_by_itself():
    """The live line needs the header, the stacks and the stall: nothing else."""
    told, path, stack = story()
    told.stall(300, kernel(28, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
    (finding,) = diagnose_stall(told.header, told.stacks, told.events[-1:], sources=Sources(lambda _: None)).counting
    assert (finding.rule, finding.culprit.file, finding.pid) == ("UJ101", path, 7)


def test_only_the_folders_of_the_user_are_the_user():
    """With --src, a file outside it accuses nobody, and a file in site-packages never does."""
    told, _, stack = story()
    told.header["src"] = ["/srv/other"]
    told.stall(300, kernel(28, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
    assert only(told.told()).culprit is None


@pytest.mark.parametrize(
    ("leaf", "function", "instead"),
    [
        ("time.sleep", "main", "time.sleep"),
        ("main", "main", "the call that blocks there"),
        ("<module>", "<module>", "the call that blocks there"),
        ("load", "Store.load", "the call that blocks there"),
    ],
)
def test_a_function_is_nothing_that_a_sleep_stands_for(leaf, function, instead):
    """Where it was not seen which of its calls slept, the remedy names none."""
    (first, *_) = remedies_of("UJ101", None, leaf=leaf, function=function)
    assert first.text == f"await asyncio.sleep(...) instead of {instead}"


@pytest.mark.parametrize(
    ("leaf", "is_read"),
    [
        ("os.fsync", False),
        ("_io.TextIOWrapper.write", False),
        ("yaml.safe_dump", False),
        ("os.read", True),
        ("open", True),
    ],
)
def test_what_is_written_is_not_advised_to_be_read_once(leaf, is_read):
    """Only what is read can be read once and kept, also where the call's own record says so of its whole family."""
    texts = [remedy.text for remedy in remedies_of("UJ102", index.by_name(leaf), leaf=leaf, function="store")]
    assert ("read it once at start-up and keep the result" in texts) is is_read


@pytest.mark.parametrize(
    ("leaf", "first"),
    [
        ("threading.Thread.join", "let the thread's result come"),
        ("threading.Event.wait", "asyncio.Event, set from other threads"),
        ("concurrent.futures.Future.result", "await asyncio.wrap_future(future)"),
    ],
)
def test_what_is_waited_for_decides_what_to_do(leaf, first):
    """A thread, an event and a future are awaited each in its own way; what is no future is not wrapped as one."""
    own, *others = (remedy.text for remedy in remedies_of("UJ203", index.by_name(leaf), leaf=leaf, function="f"))
    assert own.startswith(first)
    assert others == [f"await asyncio.to_thread({leaf}, ...)"]


def test_a_lock_of_threads_is_not_to_be_made_one_of_tasks():
    """Where a thread was seen to hold it."""
    texts = [
        [remedy.text for remedy in remedies_of("UJ201", None, leaf="Lock", function="f", between_threads=threads)]
        for threads in (False, True)
    ]
    assert [any(text.startswith("asyncio.Lock") for text in each) for each in texts] == [True, False]


def test_many_short_sleeps_are_not_joined_to_one():
    """They are awaited, as one long one is."""
    texts = [each.text for each in remedies_of("UJ403", index.by_name("time.sleep"), leaf="time.sleep", function="f")]
    assert texts[0] == "await asyncio.sleep(...) instead of time.sleep"
    assert not any("executemany" in text for text in texts)


def test_what_two_tasks_did_is_not_given_to_one():
    """Two steps of one stall were in the same line: no task is named for both, and the proof names each."""
    told, _, stack = story()
    number = told.stall(300, kernel(28, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
    stall = next(each for each in told.events if each.get("id") == number and each["e"] == "stall")
    half = stall["t0"] + 140 * MS
    for name, t0, t1 in (("Task-7", stall["t0"], half), ("Task-8", half, stall["t1"])):
        told.event(
            "step", stall=number, loop=1, t0=t0, t1=t1, task={"name": name, "coroutine": "h"}, callback="", site=None
        )
    finding = only(told.told())
    assert finding.task is None
    assert "in tasks Task-7, Task-8, one after the other" in [each.text for each in finding.evidence]
