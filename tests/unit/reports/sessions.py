"""Example sessions that reports are tested with: one service with everything, and the special ones."""

from __future__ import annotations

from dataclasses import replace

from unjam.model.findings import (
    Accounted,
    Evidence,
    Finding,
    Grade,
    Link,
    Location,
    Remedy,
    TaskName,
    Victim,
)
from unjam.model.session import LoopReport, Session
from unjam.model.timeouts import Fault, TimeoutGroup

CWD = "/srv/shop"
SITE = "/srv/shop/.venv/lib/python3.12/site-packages"
STDLIB = "/usr/lib/python3.12"

PRICING = (
    "import requests",
    "",
    "",
    "def quote(sku):",
    '    response = requests.get(f"http://prices.local/{sku}", timeout=5)',
    "    return response.json()",
)
EXPORT = ("async def export(rows):", "\treturn json.dumps(rows)")
ASYNCIO = "asyncio.unix_events._UnixSelectorEventLoop"


def http() -> Finding:
    return Finding(
        rule="UJ104",
        cause="http",
        grade=Grade.EXACT,
        message="requests.get held the event loop: nothing else ran until the other side had answered.",
        culprit=Location(f"{CWD}/app/pricing.py", 5, "quote"),
        leaf="requests.get",
        chain=(
            Link(f"{STDLIB}/asyncio/events.py", 84, "Handle._run", "stdlib"),
            Link(f"{SITE}/uvicorn/protocols/http/httptools_impl.py", 409, "RequestResponseCycle.run_asgi", "library"),
            Link(f"{SITE}/fastapi/applications.py", 1054, "FastAPI.__call__", "library"),
            Link(f"{CWD}/app/main.py", 31, "get_order", "user"),
            Link(f"{CWD}/app/pricing.py", 5, "quote", "user"),
            Link(f"{SITE}/requests/api.py", 73, "get", "library"),
            Link(f"{SITE}/urllib3/connectionpool.py", 534, "HTTPConnectionPool._make_request", "library"),
            Link(f"{STDLIB}/socket.py", 707, "SocketIO.readinto", "stdlib"),
        ),
        task=TaskName("Task-8123", "RequestResponseCycle.run_asgi"),
        thread="MainThread",
        pid=4242,
        loop=1,
        count=44,
        total_ms=38_215.4,
        max_ms=2_310.2,
        first_s=12.5,
        last_s=820.0,
        accounted=Accounted(kernel=37_801.0, cpu=390.2, gil=0.0, runqueue=12.1, unexplained=12.1),
        victims=(
            Victim("request", "GET /healthz", 2_290.0),
            Victim("task", "redis.get", 2_251.4),
            Victim("timer", "heartbeat", 1_800.9),
            Victim("task", "asyncpg", 1_700.0),
        ),
        victim_count=1204,
        evidence=(
            Evidence("os", "recvfrom on fd 17, tcp 10.0.3.7:443, 37.8 s of 38.2 s (3,701 of 3,742 samples)"),
            Evidence("stack", "the whole stack was read in every sample"),
        ),
        remedies=(
            Remedy("use httpx.AsyncClient and await it in quote", "quote and its callers become async"),
            Remedy(
                "await asyncio.to_thread(requests.get, url, timeout=5)",
                "a thread of the default pool for as long as the answer takes",
            ),
            Remedy("declare the endpoint with def", "one of the 40 threads of the server's pool"),
        ),
    )


def cpu() -> Finding:
    return Finding(
        rule="UJ303",
        cause="cpu-native-gil",
        grade=Grade.INFERRED,
        message="json.dumps ran for 812 ms and kept the GIL: no thread of the process could run.",
        culprit=Location(f"{CWD}/app/export.py", 2, "export"),
        leaf="json.dumps",
        chain=(
            Link(f"{CWD}/app/export.py", 2, "export", "user"),
            Link(f"{STDLIB}/json/encoder.py", 200, "encode", "stdlib"),
        ),
        task=TaskName("export", "export"),
        thread="MainThread",
        pid=4242,
        loop=1,
        total_ms=812.0,
        max_ms=812.0,
        first_s=40.0,
        last_s=40.0,
        accounted=Accounted(cpu=811.0, unexplained=1.0),
        evidence=(Evidence("gil", "the loop's thread kept the GIL while another asked for it for 806 ms"),),
        remedies=(
            Remedy("run it in a process: loop.run_in_executor(process_pool, ...)", "the rows are pickled twice"),
        ),
    )


def starved() -> Finding:
    return Finding(
        rule="UJ502",
        cause="starved",
        grade=Grade.PROVED,
        message="The loop was ready for 352 of 452 ms and got no CPU: not your code.",
        thread="MainThread",
        pid=4243,
        loop=1,
        count=3,
        total_ms=452.0,
        max_ms=200.0,
        first_s=1.0,
        last_s=30.0,
        accounted=Accounted(kernel=0.0, cpu=100.0, runqueue=352.0, unexplained=0.0),
        evidence=(Evidence("cgroup", "CPU quota: throttled in 41 of 840 periods"),),
        remedies=(Remedy("raise the CPU limit, or run fewer threads", "CPU"),),
    )


def unknown() -> Finding:
    return Finding(
        rule="",
        cause="unknown",
        grade=Grade.UNKNOWN,
        message="something held the loop, and it is not known what: the samples do not tell",
        pid=4243,
        loop=1,
        total_ms=60.0,
        max_ms=60.0,
        first_s=3.0,
        last_s=3.0,
    )


def timeout() -> Finding:
    return Finding(
        rule="UJ701",
        cause="false-timeout",
        grade=Grade.INFERRED,
        message=f"asyncio.timeout fired 52 times: {OURS.text}",
        culprit=Location(f"{CWD}/app/pricing.py", 5, "quote"),
        leaf="requests.get",
        pid=4242,
        loop=1,
        count=52,
        max_ms=4_900.0,
        first_s=13.0,
        last_s=815.0,
        evidence=(Evidence("stall", f"the loop was away in {CWD}/app/pricing.py:5 requests.get"),),
        remedies=(Remedy("mend what kept the loop; leave the timeout as it is", "nothing"),),
    )


OURS = TimeoutGroup(
    kind="asyncio.timeout",
    fault=Fault.LOOP,
    text="not the other side: the loop was away for 4.82 s of 5.00 s; the reply was already there",
    pid=4242,
    count=52,
    coroutine="lookup",
    place=Location(f"{CWD}/app/cache.py", 19, "lookup"),
    window_ms=5_000.0,
    away_ms=4_820.0,
    answered=50,
    blamed=(f"{CWD}/app/pricing.py:5 requests.get", f"{CWD}/app/export.py:2 json.dumps"),
)


def timeouts() -> tuple[TimeoutGroup, ...]:
    return (
        TimeoutGroup(
            kind="wait_for",
            fault=Fault.PEER,
            text="the loop was free for 99.8 % of the wait: the other side was slow",
            pid=4242,
            count=1,
            coroutine="rates",
            place=Location(f"{CWD}/app/rates.py", 8, "rates"),
            window_ms=1_000.0,
            away_ms=2.0,
        ),
        OURS,
        TimeoutGroup(
            "anyio.fail_after",
            Fault.POOL,
            "not the other side: the call queued behind a full pool for 0.90 s of 1.00 s",
            4243,
            3,
            "",
            None,
            1_000.0,
            0.0,
            900.0,
        ),
        TimeoutGroup("asyncio.timeout", Fault.UNKNOWN, "cannot tell: when it began was not measured", 4243, 1, "f"),
    )


def deadlock() -> Finding:
    return Finding(
        rule="UJ801",
        cause="deadlock",
        grade=Grade.PROVED,
        message="Two threads wait for each other and neither wait can end.",
        culprit=Location(f"{CWD}/app/cache.py", 7, "refresh"),
        leaf="_thread.lock.acquire",
        thread="MainThread",
        pid=4242,
        loop=1,
        cycle=(
            "MainThread (loop 1) waits at app/cache.py:7 for lock A, which thread db-0 holds",
            "thread db-0 waits at app/db.py:51 for a future that only loop 1 can set",
        ),
        remedies=(Remedy("release lock A before the await in app/cache.py:7", "a second look-up in the cache"),),
    )


def loop(**changes) -> LoopReport:
    usual = LoopReport(
        pid=4242,
        loop=1,
        thread="MainThread",
        type=ASYNCIO,
        tier="native",
        watched_s=842.0,
        away_percent=9.64,
        turns=120_034,
        steps=480_211,
        lag_p50_ms=1.2,
        lag_p99_ms=410.4,
        lag_max_ms=2_310.2,
        longest_step_ms=2_310.1,
        stalls=48,
        stalled_ms=39_479.4,
    )
    return replace(usual, **changes)


def service() -> Session:
    """A session with two workers in which much went wrong."""
    return Session(
        program="uvicorn",
        started_wall=1_795_338_842.5,
        duration_s=842.0,
        threshold_ms=50.0,
        pids=(4242, 4243),
        pythons=("3.12.4",),
        tiers=("native",),
        folder=f"{CWD}/.unjam/20261122T091402Z-uvicorn",
        verdict="97 % synchronous HTTP on the loop, 2 % native code that keeps the GIL, 1 % no CPU given - not your code",
        loops=(
            loop(
                pid=4243,
                away_percent=0.05,
                lag_p50_ms=0.4,
                lag_p99_ms=40.0,
                lag_max_ms=200.0,
                stalls=3,
                stalled_ms=452.0,
            ),
            loop(),
        ),
        findings=(http(), cpu(), starved(), unknown(), timeout()),
        timeouts=timeouts(),
        not_observed=("pid 4243 was killed: its last second may be missing",),
        dropped=12,
        exit_code=0,
        sources={f"{CWD}/app/pricing.py": PRICING, f"{CWD}/app/export.py": EXPORT},
    )


def single() -> Session:
    """One process, one finding."""
    return replace(
        service(),
        pids=(4242,),
        loops=(loop(),),
        findings=(http(),),
        timeouts=(),
        not_observed=(),
        dropped=0,
        verdict="",
        exit_code=3,
    )


def healthy() -> Session:
    """Watched, and nothing found."""
    quiet = loop(away_percent=0.0, lag_p99_ms=4.0, lag_max_ms=12.04, longest_step_ms=11.9, stalls=0, stalled_ms=0.0)
    return replace(single(), program="main.py", loops=(quiet,), findings=(), sources={}, exit_code=0)


def unmeasured() -> Session:
    """The twin on uvloop: what it cannot see is not zero."""
    blind = loop(
        type="uvloop.Loop", tier="python", turns=None, steps=None, away_percent=None, lag_p50_ms=None, lag_p99_ms=None,
        lag_max_ms=None, longest_step_ms=None, stalls=0, stalled_ms=0.0,
    )  # fmt: skip
    return replace(
        healthy(),
        loops=(blind,),
        tiers=("python",),
        not_observed=("steps: uvloop runs its callbacks in C, out of sight",),
    )


def no_loop() -> Session:
    """Python ran, but never an event loop."""
    return replace(healthy(), loops=())


def nothing_watched() -> Session:
    """The folder is there, but no process wrote into it."""
    return replace(healthy(), loops=(), pids=(), pythons=(), tiers=())


def many_loops() -> Session:
    """A test suite: a loop a test."""
    return replace(
        healthy(), program="pytest", loops=tuple(loop(loop=n, watched_s=n / 10, stalls=0) for n in range(1, 40))
    )


def hung() -> Session:
    """A deadlock that was found while it lasted."""
    return replace(single(), findings=(deadlock(),))


HOSTILE = "\x1b[31mred\x1b]0;title\x07[bold]x[/bold]\u202e\udc80\n:smile:"
"""Escape sequences, rich markup, a bidirectional override, a lone surrogate, a line break, an emoji code."""


def hostile() -> Session:
    """Every string that the watched program can choose is hostile."""
    bad = replace(
        http(),
        message=HOSTILE,
        culprit=Location(HOSTILE, 1, HOSTILE),
        leaf=HOSTILE,
        chain=(Link(HOSTILE, 1, HOSTILE, "user"), Link(f"/x/site-packages/{HOSTILE}/a.py", 1, HOSTILE, "library")),
        task=TaskName(HOSTILE, HOSTILE),
        thread=HOSTILE,
        victims=(Victim(HOSTILE, HOSTILE, 1.0),),
        evidence=(Evidence(HOSTILE, HOSTILE),),
        cycle=(HOSTILE,),
        remedies=(Remedy(HOSTILE, HOSTILE),),
    )
    return replace(
        service(), program=HOSTILE, verdict=HOSTILE, folder=HOSTILE, pythons=(HOSTILE,), tiers=(HOSTILE,),
        not_observed=(HOSTILE,), findings=(bad, bad),
        timeouts=(replace(OURS, kind=HOSTILE, text=HOSTILE, coroutine=HOSTILE, place=bad.culprit, blamed=(HOSTILE,)),), loops=(loop(thread=HOSTILE, type=HOSTILE),),
        sources={HOSTILE: (HOSTILE,)},
    )  # fmt: skip


EXAMPLES = {
    function.__name__: function
    for function in (service, single, healthy, unmeasured, no_loop, nothing_watched, many_loops, hung, hostile)
}
