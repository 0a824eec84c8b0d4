"""Rules UJ101 to UJ109, UJ201 to UJ205, UJ305 and UJ306: what the loop's thread waited for, and whose line that is."""

from __future__ import annotations

import pytest
from stories import Story, cpu, kernel, library, only, stdlib

from unjam.model.findings import Grade, TaskName

CALLS = """
import time, os, socket, subprocess, queue, threading, concurrent.futures as cf
from time import sleep as nap
import requests, psycopg2, sqlite3, boto3

lock = threading.Lock()
inbox = queue.SimpleQueue()
db = sqlite3.connect("x.db")
pg = psycopg2.connect("")

async def handler(path):
    len(path); nap(0.3); len(path)
    os.fsync(3)
    socket.getaddrinfo("x", 80)
    subprocess.run(["sleep", "1"])
    input("> ")
    requests.get("http://x")
    db.execute("select 1")
    pg.cursor().execute("select 1")
    with lock: pass
    with cf.ThreadPoolExecutor(1): pass
    with db: pass
    inbox.get()
    future.result()
    thing.recv(10)
    conn.execute("select 1")
    client.put_object()
    log.info("x")
    worker.join()
"""


def story(snippet: str, *below, function: str = "handler"):
    """A coroutine of the user's at that call, with these frames below it."""
    told = Story()
    path = told.file("views.py", CALLS)
    return told, told.stack(told.frame(path, snippet, function), *below)


NATIVE = [
    ("nap(0.3)", ("clock_nanosleep", ""), "UJ101", "time.sleep"),
    ("os.fsync(3)", ("fsync", "file /srv/x.db"), "UJ102", "os.fsync"),
    ('socket.getaddrinfo("x", 80)', ("poll", "udp 10.0.0.2:53"), "UJ105", "socket.getaddrinfo"),
    ('db.execute("select 1")', ("clock_nanosleep", ""), "UJ106", "sqlite3.Connection.execute"),
    ('pg.cursor().execute("select 1")', ("poll", "tcp 127.0.0.1:5432"), "UJ106", "psycopg2.extensions.cursor.execute"),
    ('input("> ")', ("read", "/dev/pts/0"), "UJ108", "input"),
    ("with lock: pass", ("futex", "futex"), "UJ201", "threading.Lock.__enter__"),
    ("with db: pass", ("fdatasync", "file /srv/x.db"), "UJ106", "sqlite3.Connection.__exit__"),
    ("inbox.get()", ("futex", "futex"), "UJ202", "queue.SimpleQueue.get"),
]


@pytest.mark.parametrize(("snippet", "wait", "rule", "leaf"), NATIVE)
def test_a_c_function_is_named_by_the_source(snippet, wait, rule, leaf):
    """A call without a frame of its own is named by its place in the line, its alias and its object's type."""
    told, stack = story(snippet)
    told.stall(300, kernel(28, stack, *wait, fd=3), cpu_ms=1, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.grade) == (rule, leaf, Grade.EXACT)
    assert finding.culprit.function == "handler"
    assert snippet in told.files["/srv/app/views.py"][finding.culprit.line - 1]


FRAMES = [
    (
        'requests.get("http://x")',
        ("requests.api:get", "urllib3.connectionpool:HTTPConnectionPool.urlopen"),
        "UJ104",
        "requests.get",
    ),
    (
        "client.put_object()",
        ("botocore.client:ClientCreator._create_api_method.<locals>._api_call",),
        "UJ109",
        "client.put_object",
    ),
    ("thing.recv(10)", ("unheard.of:fetch",), "UJ103", "unheard.of.fetch"),
]


@pytest.mark.parametrize(("snippet", "below", "rule", "leaf"), FRAMES)
def test_a_library_call_is_named_by_what_the_user_called(snippet, below, rule, leaf):
    """Of several known frames the one nearest to the user's line names the finding, not the socket at the end."""
    frames = [library(*each.split(":")) for each in below]
    told, stack = story(snippet, *frames)
    told.stall(300, kernel(28, stack, "recvfrom", "tcp 127.0.0.1:80", 17), cpu_ms=2, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.leaf) == (rule, leaf)
    assert finding.chain[0].function == "handler"
    assert finding.chain[-1].kind == "library"
    assert "recvfrom on fd 17, tcp 127.0.0.1:80" in finding.evidence[0].text


STDLIB = [
    (
        'subprocess.run(["sleep", "1"])',
        ("subprocess:run", "subprocess:Popen.communicate"),
        "wait4",
        "UJ107",
        "subprocess.run",
    ),
    (
        "future.result()",
        ("concurrent.futures._base:Future.result", "threading:Condition.wait"),
        "futex",
        "UJ203",
        "concurrent.futures.Future.result",
    ),
    (
        "worker.join()",
        ("threading:Thread.join", "threading:Thread._wait_for_tstate_lock"),
        "futex",
        "UJ203",
        "threading.Thread.join",
    ),
    ("inbox.get()", ("queue:Queue.get", "threading:Condition.wait"), "futex", "UJ202", "queue.Queue.get"),
    (
        "with cf.ThreadPoolExecutor(1): pass",
        ("concurrent.futures._base:Executor.__exit__", "concurrent.futures.thread:ThreadPoolExecutor.shutdown"),
        "futex",
        "UJ203",
        "concurrent.futures.ThreadPoolExecutor.__exit__",
    ),
    (
        "cf.ThreadPoolExecutor(1)",  # where that `with` lies from Python 3.13 on
        ("concurrent.futures._base:Executor.__exit__", "concurrent.futures.thread:ThreadPoolExecutor.shutdown"),
        "futex",
        "UJ203",
        "concurrent.futures.ThreadPoolExecutor.__exit__",
    ),
    (
        'log.info("x")',
        ("logging:Logger.info", "logging.handlers:RotatingFileHandler.doRollover"),
        "rename",
        "UJ306",
        "logging.Logger.info",
    ),
]


@pytest.mark.parametrize(("snippet", "below", "call", "rule", "leaf"), STDLIB)
def test_the_standard_library_is_known_by_its_frames(snippet, below, call, rule, leaf):
    """A futex below Future.result is a wait for a future, below Queue.get one on a queue: frames say more than the kernel."""
    told, stack = story(snippet, *(stdlib(*each.split(":")) for each in below))
    told.stall(300, kernel(28, stack, call), cpu_ms=1, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.grade) == (rule, leaf, Grade.EXACT)


def test_the_right_call_of_several_on_a_line():
    """`len(path); nap(0.3); len(path)`: the position decides, not the line."""
    told, stack = story("nap(0.3)")
    told.stall(300, kernel(28, stack, "clock_nanosleep"), cpu_ms=1, runq_ms=0)
    assert only(told.told()).leaf == "time.sleep"


def test_an_unknown_method_named_execute_is_a_database():
    """A native method of the DB-API on an object of unknown type that waits for a server is a database call, inferred."""
    told, stack = story('conn.execute("select 1")')
    told.stall(300, kernel(28, stack, "poll", "tcp 10.0.0.9:7000", 8), cpu_ms=1, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.grade) == ("UJ106", "conn.execute", Grade.INFERRED)


def test_reading_a_pipe_is_not_file_work():
    """A record for files does not fit a descriptor that is a socket: the kernel's word counts."""
    told, stack = story("thing.recv(10)", stdlib("shutil", "copyfileobj"))
    told.stall(300, kernel(28, stack, "read", "tcp 10.0.0.9:80", 8), cpu_ms=1, runq_ms=0)
    assert only(told.told()).rule == "UJ103"


def test_an_import_is_blamed_on_the_importing_line():
    """What an imported module does while it is imported is not the fault of its lines."""
    told = Story()
    path = told.file("views.py", "async def export():\n    import pandas\n")
    inner = told.file("heavy.py", "import time\ntime.sleep(1)\n")
    importing = stdlib("importlib._bootstrap", "_find_and_load")
    frozen = type(importing)("<frozen importlib._bootstrap>", 1178, "_find_and_load")
    stack = told.stack(
        told.frame(path, "import pandas", "export"),
        frozen,
        library("pandas", "<module>", kind="module"),
        told.frame(inner, "time.sleep(1)", "<module>", "module"),
    )
    told.stall(300, kernel(14, stack, "clock_nanosleep"), cpu(14, stack, moved=9), cpu_ms=150, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.leaf) == ("UJ305", "import pandas")
    assert (finding.culprit.file, finding.culprit.line) == (path, 2)


def test_a_handler_of_ones_own_that_blocks_is_a_logging_fault():
    """A logging handler of the user's that posts its record is named at its own line, as a handler that blocks."""
    told = Story()
    path = told.file(
        "logs.py", "import requests\nclass Post:\n    def emit(self, record):\n        requests.post('x')\n"
    )
    stack = told.stack(
        told.frame(told.file("views.py", "async def h():\n    log.info('x')\n"), "log.info('x')", "h"),
        stdlib("logging", "Logger.info"), stdlib("logging", "Handler.handle"),
        told.frame(path, "requests.post('x')", "Post.emit", "function"), library("requests.api", "post"),
    )  # fmt: skip
    told.stall(300, kernel(28, stack, "recvfrom", "tcp 10.0.0.9:80", 8), cpu_ms=1, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.culprit.file) == ("UJ306", "requests.post", path)


def test_a_loop_inside_a_loop():
    """The outer loop stands still while the inner one sits in its select: the line that started the inner one is to blame."""
    told = Story()
    path = told.file("load.py", "import asyncio\nasync def h():\n    return asyncio.run(fetch())\n")
    inner = [
        stdlib("asyncio.runners", "run"),
        stdlib("asyncio.runners", "Runner.run"),
        stdlib("asyncio.base_events", "BaseEventLoop._run_once"),
    ]
    stack = told.stack(
        told.frame(path, "asyncio.run(fetch())", "h"), *inner, stdlib("selectors", "EpollSelector.select")
    )
    told.stall(300, kernel(28, stack, "epoll_wait"), cpu_ms=1, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.culprit.line) == ("UJ205", "asyncio.run", 3)


def test_a_blocking_step_of_the_inner_loop_is_blamed_itself():
    """Where the inner loop's own step sleeps, that line holds both loops."""
    told = Story()
    path = told.file(
        "load.py",
        "import asyncio, time\nasync def h():\n    return asyncio.run(fetch())\nasync def fetch():\n    time.sleep(1)\n",
    )
    inner = [
        stdlib("asyncio.runners", "run"),
        stdlib("asyncio.base_events", "BaseEventLoop._run_once"),
        stdlib("asyncio.events", "Handle._run"),
    ]
    stack = told.stack(
        told.frame(path, "asyncio.run(fetch())", "h"), *inner, told.frame(path, "time.sleep(1)", "fetch")
    )
    told.stall(300, kernel(28, stack, "clock_nanosleep"), cpu_ms=1, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.culprit.line) == ("UJ101", 5)


def test_a_callback_without_a_frame_is_blamed_on_who_scheduled_it():
    """`loop.call_soon(time.sleep, 0.3)`: no frame of the user's is on the stack, but somebody scheduled it."""
    told = Story()
    path = told.file("views.py", "async def h(loop):\n    loop.call_soon(time.sleep, 0.3)\n")
    number = told.stall(300, kernel(28, told.stack(), "clock_nanosleep"), cpu_ms=1, runq_ms=0)
    told.step(number, callback="time.sleep", site=[path, 2, "h"])
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.grade) == ("UJ101", "time.sleep", Grade.INFERRED)
    assert (finding.culprit.file, finding.culprit.line) == (path, 2)


def test_nobody_is_accused_without_a_line():
    """A library's own task that sleeps, with no line of the user's anywhere, has a cause and no culprit."""
    told = Story()
    stack = told.stack(library("somelib.worker", "Worker._run", kind="coroutine"), library("somelib.worker", "pause"))
    number = told.stall(300, kernel(28, stack, "clock_nanosleep"), cpu_ms=1, runq_ms=0)
    told.step(
        number, task={"name": "Task-9", "coroutine": "Worker._run", "file": f"{library('a', 'b').file}", "line": 3}
    )
    finding = only(told.told())
    assert (finding.rule, finding.culprit) == ("UJ101", None)
    assert finding.task == TaskName("Task-9", "Worker._run")


def test_the_program_that_runs_the_loop_is_never_the_culprit():
    """`asyncio.run(main())` in the user's own script lies below every step: it is not what blocks."""
    told = Story()
    path = told.file("main.py", "import asyncio\nasyncio.run(main())\n")
    main = told.frame(path, "asyncio.run(main())", "<module>", "module")
    loop = (stdlib("asyncio.runners", "run"), stdlib("asyncio.base_events", "BaseEventLoop._run_once"))
    stack = told.stack(library("somelib.worker", "pause"), runner=(main, *loop))
    told.stall(300, kernel(28, stack, "clock_nanosleep"), cpu_ms=1, runq_ms=0)
    assert only(told.told()).culprit is None


def test_uvloop_has_no_frames_of_its_own():
    """Under uvloop the user's `run_until_complete` line is told from a step by the source; a C callback accuses nobody."""
    told = Story(steps=False, loop="uvloop.Loop")
    path = told.file(
        "main.py", "def main():\n    loop.run_until_complete(serve())\nasync def serve():\n    time.sleep(1)\n"
    )
    main = told.frame(path, "loop.run_until_complete(serve())", "main", "function")
    told.stall(300, kernel(28, told.stack(runner=(main,)), "clock_nanosleep"), cpu_ms=1, runq_ms=0, steps=None)
    told.stall(
        200,
        kernel(18, told.stack(told.frame(path, "time.sleep(1)", "serve"), runner=(main,)), "clock_nanosleep"),
        cpu_ms=1,
        runq_ms=0,
        steps=None,
    )
    frameless, step = told.told().findings
    assert (frameless.rule, frameless.culprit) == ("UJ101", None)
    assert (step.rule, step.culprit.line) == ("UJ101", 4)


def test_two_causes_of_one_stall_share_its_time():
    """A turn that slept 300 ms and asked a server for 600 ms gives two findings, and their times add up."""
    told = Story()
    path = told.file("views.py", CALLS)
    slept = told.stack(told.frame(path, "nap(0.3)", "handler"))
    asked = told.stack(told.frame(path, 'requests.get("http://x")', "handler"), library("requests.api", "get"))
    told.stall(
        900,
        kernel(30, slept, "clock_nanosleep", between=(13, 300)),
        kernel(60, asked, "recvfrom", "tcp 1.2.3.4:80", 5, between=(310, 890)),
        cpu_ms=0,
        runq_ms=0,
    )
    http, sleep = told.told().findings
    assert (http.rule, sleep.rule) == ("UJ104", "UJ101")
    assert http.total_ms + sleep.total_ms == pytest.approx(900)
    assert http.total_ms == pytest.approx(600, rel=0.05)


def test_equal_findings_are_one():
    """The same line, call and rule three times is one finding with a count, a total and a longest."""
    told, stack = story("nap(0.3)")
    for length in (300, 500, 100):
        told.stall(length, kernel(length // 10, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
    finding = only(told.told())
    assert (finding.count, finding.total_ms, finding.max_ms) == (3, 900, 500)
    assert finding.first_s < finding.last_s
    assert "sleeps held the loop 3 times, for 900 ms in all" in finding.message


def test_a_stall_that_never_ends_is_told():
    """A deadlocked loop has no end: the last line of its stall counts."""
    told, stack = story("with lock: pass")
    told.stall(4000, kernel(160, stack, "futex", "futex"), cpu_ms=0, runq_ms=0)
    told.events[-1]["t1"] = None
    finding = only(told.told())
    assert (finding.rule, finding.total_ms) == ("UJ201", 4000)


def test_a_futex_below_an_awaited_c_coroutine_is_no_lock():
    """Starting its pool, uvloop waits for threads that the machine lets begin late: a futex, and no lock of anybody's."""
    told = Story()
    path = told.file("t.py", "async def h(loop):\n    await loop.create_server(object)\n")
    frame = told.frame(path, "await loop.create_server(object)", "h")
    told.stall(100, kernel(8, told.stack(frame), "futex", "futex"), cpu_ms=1, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.grade) == ("", Grade.UNKNOWN)


def test_a_torn_stack_is_suspected_at_best():
    """A stack that does not reach the loop proves nothing for sure."""
    told = Story()
    path = told.file("views.py", CALLS)
    stack = told.stack(told.frame(path, "nap(0.3)", "handler"), runner=(), whole=False)
    told.stall(300, kernel(28, stack, "clock_nanosleep"), cpu_ms=0, runq_ms=0)
    assert only(told.told()).grade == Grade.SUSPECTED


def test_a_call_that_also_computes_is_one_finding():
    """A client that waits mostly and parses a little is one finding, at one line."""
    told, stack = story('requests.get("http://x")', library("requests.api", "get"))
    parsing = told.stack(*told.stacks[stack][7:], library("urllib3.util", "parse"))
    told.stall(500, kernel(45, stack, "recvfrom", "tcp 1.2.3.4:80", 5), cpu(3, parsing, moved=2), cpu_ms=30, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.total_ms, finding.accounted.cpu) == ("UJ104", 500, 30)


def test_a_type_is_followed_through_a_tuple():
    """`a, b = Queue(), SimpleQueue()`: each name has the type at its own place."""
    told = Story()
    path = told.file(
        "q.py",
        "import queue\nasync def h():\n    full, simple = queue.Queue(), queue.SimpleQueue()\n    simple.get()\n",
    )
    told.stall(
        300, kernel(28, told.stack(told.frame(path, "simple.get()", "h")), "futex", "futex"), cpu_ms=0, runq_ms=0
    )
    assert (only(told.told()).rule, only(told.told()).leaf) == ("UJ202", "queue.SimpleQueue.get")


def test_a_sleep_in_code_made_at_run_time():
    """exec of a compiled template: the line that runs it is the culprit, and the kernel says that it slept."""
    told = Story()
    path = told.file("t.py", "async def h(code):\n    exec(code)\n")
    frame = told.frame(path, "exec(code)", "h")
    told.stall(
        300,
        kernel(28, told.stack(frame, type(frame)("<template>", 2, "<module>", 0, 2, 9, "module")), "clock_nanosleep"),
        cpu_ms=0,
        runq_ms=0,
    )
    finding = only(told.told())
    assert (finding.rule, finding.leaf, finding.culprit.line) == ("UJ101", "time.sleep", 2)


def test_a_c_callback_is_named_by_the_line_that_scheduled_it():
    """The loop knows a C function by its bare name; the line that scheduled it says whose it is."""
    told = Story()
    path = told.file("views.py", "import time\nasync def h(loop):\n    loop.call_soon(time.sleep, 0.3)\n")
    number = told.stall(300, kernel(28, told.stack(), "clock_nanosleep"), cpu_ms=1, runq_ms=0)
    told.step(number, callback="sleep", site=[path, 3, "h"])
    assert (only(told.told()).rule, only(told.told()).leaf) == ("UJ101", "time.sleep")


def advised(*frames):
    told = Story()
    path = told.file("views.py", CALLS)
    called = library("requests.api", "get")
    stack = told.stack(*(each or told.frame(path, 'requests.get("http://x")', "handler") for each in frames), called)
    told.stall(300, kernel(28, stack, "poll", "tcp 10.0.0.9:80", 8), cpu_ms=1, runq_ms=0)
    return " ".join(each.text for each in only(told.told()).remedies)


def test_an_endpoint_may_be_a_plain_function():
    """What a web framework calls itself would run in its pool if it were no coroutine; of a helper below nobody says so."""
    endpoint = library("fastapi.routing", "run_endpoint_function", kind="coroutine")
    assert "if handler awaits nothing else" in advised(endpoint, None)
    assert "awaits nothing else" not in advised(
        library("starlette.middleware.base", "call_next", kind="coroutine"), None
    )


@pytest.mark.parametrize(
    ("since_ms", "length_ms", "order"),
    [(300, 900, ["UJ101", "UJ305"]), (1500, 900, ["UJ305", "UJ101"]), (300, 9000, ["UJ305", "UJ101"])],
)
def test_an_import_at_start_stands_last(since_ms, length_ms, order):
    """A server that imports its application in its first turn holds nobody up yet; one that imports later, or for long, does."""
    told, sleeping = story("nap(0.3)")
    path = told.file("main.py", "async def serve():\n    import shop\n")
    importing = stdlib("importlib._bootstrap", "_find_and_load")
    frozen = type(importing)("<frozen importlib._bootstrap>", 1178, "_find_and_load")
    stack = told.stack(told.frame(path, "import shop", "serve"), frozen)
    told.now = since_ms
    told.stall(length_ms, cpu(80, stack, moved=70), cpu_ms=length_ms - 10, runq_ms=0)
    told.stall(300, kernel(28, sleeping, "clock_nanosleep"), cpu_ms=1, runq_ms=0)
    assert [each.rule for each in told.told().findings] == order


def test_who_held_the_lock_is_told_once_for_all_waits_on_it():
    """It was asked for in one of them, which need not be the longest."""
    told, stack = story("with lock: pass")
    for length, held in ((100, True), (300, False)):
        number = told.stall(length, kernel(length // 10, stack, "futex", "futex"), cpu_ms=0, runq_ms=0)
        if held:
            told.event(
                "holder",
                stall=number,
                lock="threading.Lock `gate`",
                holder="thread worker",
                site=["/srv/app/jobs.py", 5, "work"],
            )
    finding = only(told.told())
    assert (finding.rule, finding.count) == ("UJ201", 2)
    assert [each.text for each in finding.evidence if each.kind == "lock"] == [
        "threading.Lock `gate` was held by thread worker, taken at /srv/app/jobs.py:5 in work"
    ]


@pytest.mark.parametrize("site", [None, 5, ["/srv/app/jobs.py"], [1, 2, 3], "abc"])
def test_a_holder_without_a_known_place_is_named_all_the_same(site):
    """Where it took the lock is not always known, and a recording may hold anything."""
    told, stack = story("with lock: pass")
    number = told.stall(300, kernel(30, stack, "futex", "futex"), cpu_ms=0, runq_ms=0)
    told.event("holder", stall=number, lock="threading.Lock `gate`", holder="thread worker", site=site)
    assert [each.text for each in only(told.told()).evidence if each.kind == "lock"] == [
        "threading.Lock `gate` was held by thread worker"
    ]


@pytest.mark.parametrize(("times", "told_ms"), [(5, {6: 250, 3: 50}), (2, {6: 120})])
def test_a_small_share_that_recurs_is_told_by_itself(times, told_ms):
    """One sample of a call is nothing to tell of, and its time is the largest's; of five stalls each with one it is a finding."""
    told = Story()
    path = told.file(
        "work.py", "import time\ndef b():\n    time.sleep(0.01)\nasync def h():\n    b()\n    time.sleep(0.05)\n"
    )
    first = told.stack(told.frame(path, "time.sleep(0.05)", "h"))
    second = told.stack(told.frame(path, "b()", "h"), told.frame(path, "time.sleep(0.01)", "b", kind="function"))
    for _ in range(times):
        samples = (
            kernel(5, first, "clock_nanosleep", between=(5, 45)),
            kernel(1, second, "clock_nanosleep", between=(55, 55)),
        )
        told.stall(60, *samples, cpu_ms=0, runq_ms=0)
    found = {finding.culprit.line: round(finding.total_ms) for finding in told.told().findings}
    assert found == told_ms


@pytest.mark.parametrize(("inside", "why"), [(True, "began the import"), (False, "was on the stack")])
def test_an_import_that_no_line_of_the_program_began_says_so(inside, why):
    """A server imports the application: the lines of its module are on the stack, but none of them made the server do it."""
    told = Story()
    path = told.file("app.py", "import pandas\n")
    importing = stdlib("importlib._bootstrap", "_find_and_load")
    frozen = type(importing)("<frozen importlib._bootstrap>", 1178, "_find_and_load")
    module = [told.frame(path, "import pandas", "<module>", kind="module"), frozen] if inside else []
    stack = told.stack(library("uvicorn.config", "Config.load"), frozen, *module)
    told.stall(300, cpu(28, stack, moved=20), cpu_ms=299, runq_ms=0)
    finding = only(told.told())
    assert (finding.rule, finding.culprit) == ("UJ305", None)
    assert finding.evidence[-1].text == f"no line of your code {why}"
    assert any(each.text == f"300 ms of it at {path}:1" for each in finding.evidence) is inside


def test_who_leaves_a_pool_is_told_to_keep_it():
    """No future is in hand there that could be awaited instead."""
    told, stack = story("with cf.ThreadPoolExecutor(1): pass", stdlib("concurrent.futures._base", "Executor.__exit__"))
    told.stall(300, kernel(28, stack, "futex"), cpu_ms=1, runq_ms=0)
    texts = [remedy.text for remedy in only(told.told()).remedies]
    assert "keep the pool" in texts[0]
    assert not any("wrap_future" in text for text in texts)
