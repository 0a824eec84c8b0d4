"""Laws of settings and allowances inside a program: one table and one kind of allowance for run, watch, log and callbacks."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

TABLE = """
[tool.unjam]
threshold = "60ms"

[[tool.unjam.allow]]
rule = "UJ101"
where = "program.py::meant"
reason = "known"

[[tool.unjam.allow]]
rule = "UJ104"
where = "*"
reason = "gone"
until = 2020-01-01
"""

PROGRAM = """
import asyncio, json, threading, time
import unjam

def meant():
    time.sleep(0.6)  # longer than a watchdog may be given no CPU

def accused():
    time.sleep(0.6)  # longer than a watchdog may be given no CPU

async def main():
    await asyncio.sleep(0.01)
    meant()
    await asyncio.sleep(0.01)
    accused()
    await asyncio.sleep(0.01)
"""

TELLS = """
import logging
logging.basicConfig(format="log %(message)s")
told = []
unjam.on_stall(lambda finding: finding.rule == "UJ101" and told.append(finding.culprit.function))
unjam.install(record=False)
threshold_ms = __import__("unjam.monitor").monitor.current().settings.threshold_ns / 1e6
with unjam.watch() as watched:
    asyncio.run(main())
unjam.uninstall()
deadline = time.monotonic() + 60
while not told and time.monotonic() < deadline:
    time.sleep(0.01)
print(json.dumps({
    "threshold_ms": threshold_ms,
    "found": [f.culprit.function for f in watched.findings if f.rule == "UJ101"],
    "allowed": [[a.finding.culprit.function, a.reason] for a in watched.session.allowed],
    "notices": watched.session.notices,
    "told": sorted(set(told)),
}))
"""


@pytest.fixture
def run(tmp_path):
    """Run a program in a folder of its own, with these settings."""

    def run(source, *, table=TABLE, args=(), env=None):
        (tmp_path / "pyproject.toml").write_text(table)
        (tmp_path / "program.py").write_text(PROGRAM + textwrap.dedent(source))
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("UNJAM", "PYTEST"))}
        return subprocess.run(
            [sys.executable, *args, "program.py"],
            cwd=tmp_path,
            env=inherited | (env or {}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_the_table_holds_for_watch_log_and_callbacks(run):
    """Its threshold is used, what it allows is told to nobody as a finding, and what is litter in it is named."""
    done = run(TELLS)
    assert {
        "threshold_ms": 60.0,
        "found": ["accused"],
        "allowed": [["meant", "known"]],
        "notices": ["[[tool.unjam.allow]] UJ104 in *: expired on 2020-01-01"],
        "told": ["accused"],
    } == json.loads(done.stdout)
    logged = [line for line in done.stderr.splitlines() if "UJ101" in line]
    assert [True] == ["accused" in line for line in logged]


def test_unjam_run_lists_what_is_litter(run, tmp_path):
    """The terminal report and JSON say what was allowed and which allowance has expired."""
    done = run("asyncio.run(main())", args=["-m", "unjam", "run", "--json", "report.json", "--", sys.executable])
    report = json.loads((tmp_path / "report.json").read_text())
    assert ["[[tool.unjam.allow]] UJ104 in *: expired on 2020-01-01"] == report["notices"]
    assert ["known"] == [each["reason"] for each in report["allowed"]]
    assert "expired on 2020-01-01" in done.stderr


@pytest.mark.parametrize("how", ["run", "install", "auto"])
def test_a_wrong_table_is_refused_at_the_door(run, how):
    """The command and `install` refuse it; the line that stays in a program says so and lets the program run."""
    table = '[tool.unjam]\nthreshold = "fast"\n'
    args = ["-m", "unjam", "run", "--", sys.executable] if how == "run" else []
    lines = {"run": "", "install": "unjam.install()", "auto": "import unjam.auto"}
    done = run(f"{lines[how]}\nprint('ran')", table=table, args=args, env={"UNJAM": "1"})
    assert "pyproject.toml: threshold 'fast' is not a number with a unit" in done.stderr
    assert (how == "auto") == ("ran" in done.stdout)


@pytest.mark.parametrize(
    ("value", "line", "watched"),
    [("1", "import unjam.auto", True), ("", "import unjam.auto", False), ("0", "unjam.install(record=False)", False)],
)
def test_the_environment_decides_whether(run, value, line, watched):
    """UNJAM=1 switches `import unjam.auto` on, UNJAM=0 switches `install` off."""
    done = run(f"{line}\nfrom unjam import monitor\nprint(monitor.current() is not None)", env={"UNJAM": value})
    assert (f"{watched}\n", "") == (done.stdout, done.stderr)


ODD_PLACES = {
    "twice": """
        from unjam import monitor
        unjam.install(record=False, threshold="40ms")
        first = monitor.current()
        unjam.install(record=False, threshold="90ms")
        assert monitor.current() is first and first.settings.threshold_ns == 40_000_000
        unjam.uninstall()
        assert monitor.current() is None
        unjam.uninstall()
    """,
    "in a thread": """
        thread = threading.Thread(target=unjam.install, kwargs={"record": False})
        thread.start()
        thread.join()
        asyncio.run(asyncio.sleep(0))
    """,
    "in the child of a fork": """
        import os
        pid = os.fork()
        unjam.install(record=False)
        asyncio.run(asyncio.sleep(0))
        if pid:
            assert os.waitpid(pid, 0)[1] == 0
    """,
    "at the end": """
        import atexit
        atexit.register(asyncio.run, asyncio.sleep(0))
        atexit.register(unjam.install, record=False)
    """,
    "when threads have ended": """
        threading._register_atexit(unjam.install, record=False)
    """,
    "in a folder that is gone": """
        import os, tempfile
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
        unjam.install(record=False)
        asyncio.run(asyncio.sleep(0))
    """,
    "with a callback that blocks": """
        unjam.on_stall(lambda finding: time.sleep(1000))
        unjam.install(record=False, log=False)
        asyncio.run(main())
    """,
}


@pytest.mark.parametrize("place", ODD_PLACES)
def test_it_may_be_installed_anywhere(run, place):
    """The program ends as without us, and nothing is said but that no thread of ours can begin any more (CPython 3.12)."""
    done = run(textwrap.dedent(ODD_PLACES[place]) + "\nprint('as ever')", table="")
    said = "unjam: a loop is not watched: RuntimeError: can't create new thread at interpreter shutdown; your program is unaffected\n"
    assert 0 == done.returncode
    assert done.stderr in ({"", said} if place == "at the end" else {""})
    assert {"as ever"} == set(done.stdout.split("\n")) - {""}


def test_the_last_stall_is_logged_before_logging_ends(run, tmp_path):
    """Whatever was imported first: handlers are closed at the exit, and what is kept back by one until then is written by that."""
    source = """
        unjam.install(record=False)
        import logging, logging.handlers
        to_file = logging.FileHandler("log", mode="w")
        logging.getLogger().addHandler(logging.handlers.MemoryHandler(1000, logging.CRITICAL, to_file))

        async def last():
            await asyncio.sleep(0.01)
            accused()

        asyncio.run(last())
        logging.warning("mine")
        """
    done = run(source, table="")
    assert (0, "") == (done.returncode, done.stderr)
    assert "accused" in (tmp_path / "log").read_text()


def test_a_callback_that_raises_is_one_line(run):
    """The others are called, and the program goes on."""
    done = run(
        """
        called = threading.Event()
        unjam.on_stall(lambda finding: 1 / 0)
        unjam.on_stall(lambda finding: exit(3))
        unjam.on_stall(lambda finding: called.set())
        unjam.install(record=False, log=False)
        asyncio.run(main())
        print(called.wait(60))
        """,
        table="",
    )
    assert "True\n" == done.stdout
    said = "unjam: a callback of on_stall failed: {}; your program is unaffected"
    assert {said.format("ZeroDivisionError: division by zero"), said.format("SystemExit: 3")} == set(
        done.stderr.splitlines()
    )


def test_a_logging_handler_may_end_the_watching(run):
    """It is called in the thread that the end would wait for: a wait for itself would outlast the test."""
    done = run(
        """
        import logging
        from unjam import monitor
        from unjam.probes import wiring
        monitor.TELL_S = wiring.STOP_S = 1000.0
        ended = threading.Event()

        class Ends(logging.Handler):
            def emit(self, record):
                unjam.uninstall()
                ended.set()

        logging.getLogger("unjam").addHandler(Ends())
        unjam.install(record=False)
        asyncio.run(main())
        print(ended.wait(30), monitor.current())
        """,
        table="",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True None\n", "")


@pytest.mark.serial  # a watchdog that is given no CPU for as long as the stall lasts cannot name its line
@pytest.mark.parametrize("ending", ["time.sleep(0.1)", "os._exit(0)", "os.kill(os.getpid(), 15)"])
def test_the_last_stall_is_logged(run, ending):
    """The program ends right after it, and whoever logs takes his time: the end waits for the line."""
    done = run(
        f"""
        import logging, os

        class Slow(logging.StreamHandler):
            def emit(self, record):
                time.sleep(0.2)
                super().emit(record)

        logging.getLogger("unjam").addHandler(Slow())
        unjam.install(record=False)
        asyncio.run(main())
        {ending}
        """,
        table="",
    )
    logged = [line for line in done.stderr.splitlines() if "UJ101 sleep" in line]
    assert [True, True] == [any(name in line for line in logged) for name in ("meant", "accused")], done.stderr


def test_the_log_is_bounded_and_counters_are_not(run):
    """Twenty stalls in a second or two: five lines in each at the most, and every callback and every count has all of them."""
    done = run(
        """
        import logging
        logging.basicConfig(format="log %(message)s")
        called = []
        unjam.on_stall(lambda finding: called.append(finding.rule))
        async def many():
            for _ in range(20):
                time.sleep(0.03)
                await asyncio.sleep(0.001)
        began = time.monotonic()
        unjam.install(record=False, threshold="10ms")
        with unjam.watch(threshold="10ms") as watched:
            asyncio.run(many())
        unjam.uninstall()
        seconds = int(time.monotonic() - began) + 1
        deadline = time.monotonic() + 60
        while len(called) < 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        print(json.dumps([len(called), sum(f.count for f in watched.findings), seconds]))
        """,
        table="",
    )
    called, counted, seconds = json.loads(done.stdout)
    assert min(called, counted) >= 20
    assert 5 <= len([line for line in done.stderr.splitlines() if line.startswith("log stall")]) <= 5 * seconds


def test_a_watch_that_is_switched_off_finds_nothing(run):
    """UNJAM=0: the body runs, nothing of asyncio is replaced, and a stall makes nothing fail."""
    done = run(
        """
        before = asyncio.events._set_running_loop
        with unjam.watch(fail=True) as watched:
            asyncio.run(main())
            print(asyncio.events._set_running_loop is before)
        print(watched.findings, watched.loops, watched.session)
        """,
        table="",
        env={"UNJAM": "0"},
    )
    assert (done.returncode, done.stdout) == (0, "True\n() () None\n")
