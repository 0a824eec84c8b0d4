"""Real programs under `unjam run`: they keep what is theirs, and the report comes beside it."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from pathlib import Path

import pytest

# The waits are longer than a watchdog may be given no CPU.
STALL = """
import asyncio, time

def helper():
    time.sleep(0.6)

async def main():
    await asyncio.sleep(0.01)
    helper()
    await asyncio.sleep(0.01)

asyncio.run(main())
"""

WAITING = """
import asyncio, time

async def main():
    time.sleep(0.6)
    print('ready', flush=True)
    await asyncio.sleep(60)

try:
    asyncio.run(main())
except KeyboardInterrupt:
    raise SystemExit(5)
"""

HEALTHY = "import asyncio; asyncio.run(asyncio.sleep(0.2))"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test has a working directory and a plain environment of its own."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "UNJAM_TIER"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def unjam(*words: str, **kwargs) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "unjam", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, **kwargs)


def start(*words: str, **kwargs) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "unjam", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs)


def program(text: str, name: str = "main.py") -> str:
    Path(name).write_text(text)
    return name


def accused(document: dict) -> list[dict]:
    """The findings that are about the program, and not about a machine that gave it no CPU."""
    return [found for found in document["findings"] if found["culprit"] and found["rule"] not in {"UJ502", "UJ503"}]


def test_a_stall_is_reported_beside_the_programs_output():
    """The program's stdout is its own; stderr ends in the report, which names the line."""
    done = unjam("run", "--", sys.executable, program(STALL + "print('result')\n"))
    assert (done.returncode, done.stdout) == (0, "result\n")
    assert "UJ101 sleep  main.py:5 in helper" in done.stderr
    assert "time.sleep(0.6)" in done.stderr
    assert "exit code 0" in done.stderr


def test_a_healthy_program_is_told_so():
    """Nothing found comes with what was watched."""
    done = unjam("run", "--threshold", "30s", "--", sys.executable, program(HEALTHY))
    assert done.returncode == 0
    assert "othing held the loop for 30000 ms or more" in done.stderr
    assert "Watched: 1 loop" in done.stderr


def test_a_program_without_a_loop_is_told_so():
    """No loop, no verdict on one."""
    done = unjam("run", "--", sys.executable, "-c", "print('hi')")
    assert (done.returncode, done.stdout) == (0, "hi\n")
    assert "No event loop ran in 1 process" in done.stderr


@pytest.mark.parametrize("code", [1, 3, 255])
def test_exit_code_passes_through(code):
    """Whatever we found or not, a program that failed has failed in its own way."""
    done = unjam("run", "--fail-on", "all", "--", sys.executable, "-c", f"raise SystemExit({code})")
    assert done.returncode == code


def test_death_by_signal_passes_through():
    """A shell sees the signal, and the report says it."""
    done = unjam("run", "--", sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")
    assert done.returncode == -signal.SIGKILL
    assert "ended by SIGKILL" in done.stderr


def test_input_and_output_stay_in_the_pipe():
    """unjam run is a good link of a pipeline."""
    done = unjam("run", "--quiet", "--", sys.executable, "-c", "print(input().upper())", input="abc\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ABC\n", "")


def test_fail_on_makes_a_gate():
    """Its own exit code 1, only for the rules that were asked for."""
    file = program(STALL)
    codes = [
        unjam("run", "--quiet", "--fail-on", rules, "--", sys.executable, file).returncode
        for rules in ("sleep", "UJ3,UJ101", "UJ2,UJ3")
    ]
    assert codes == [1, 1, 0]


def test_json_to_a_file_and_to_stdout():
    """The same document, wherever it goes."""
    file = program(STALL)
    assert unjam("run", "--quiet", "--json", "report.json", "--", sys.executable, file).returncode == 0
    done = unjam("run", "--quiet", "--json", "-", "--", sys.executable, file)
    for text in (Path("report.json").read_text(), done.stdout):
        document = json.loads(text)
        assert document["session"]["exit_code"] == 0
        assert [(found["rule"], found["culprit"]["line"]) for found in accused(document)] == [("UJ101", 5)]


def test_a_reader_that_goes_away_changes_nothing():
    """Whoever closes our stdout early does not change how the program has ended."""
    file = program("raise SystemExit(3)")
    command = f"({sys.executable} -m unjam run --quiet --json - -- {sys.executable} {file}; echo code $? >&2) | true"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, timeout=100, check=True)
    assert done.stderr == "code 3\n"


def test_report_shows_the_recording_again():
    """`unjam report` says what `unjam run` said."""
    first = unjam("run", "--", sys.executable, program(STALL))
    again = unjam("report")
    assert again.returncode == 0
    assert again.stdout == first.stderr
    assert unjam("report", "--fail-on", "UJ1").returncode == 1
    assert json.loads(unjam("report", "--json").stdout)["findings"][0]["rule"] == "UJ101"


def test_live_tells_a_stall_at_once():
    """One greppable line as the stall happens, long before the program ends."""
    file = program(STALL + "print('working', flush=True)\nasyncio.run(asyncio.sleep(60))\n")
    with start("run", "--live", "--", sys.executable, file) as running:
        line = next(line for line in running.stderr if "helper" in line)
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
    assert line.startswith("unjam: stall ")
    assert "main.py:5 helper -> time.sleep [UJ101 sleep]" in line


def test_a_shell_script_that_starts_python_twice():
    """Every Python below is watched."""
    script = Path("start")
    script.write_text(f"#!/bin/sh\n{sys.executable} main.py\n{sys.executable} main.py\nexit 7\n")
    script.chmod(0o755)
    program(STALL)
    done = unjam("run", "--json", "report.json", "--", "./start")
    assert done.returncode == 7
    document = json.loads(Path("report.json").read_text())
    assert len(document["session"]["pids"]) == 2
    assert document["findings"][0]["count"] == 2


@pytest.mark.parametrize("words", [["main.py", "x"], ["-m", "main", "x"], ["--", "-m", "main", "x"]])
def test_a_script_or_module_alone_gets_the_python_on_path(words, monkeypatch):
    """As with other tools that run Python programs."""
    program("import sys; print(sys.argv[1:])")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    done = unjam("run", *words)
    assert (done.returncode, done.stdout) == (0, "['x']\n")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["run"], "no command to run"),
        (["run", "--"], "no command to run"),
        (["run", "no-such-program"], "cannot run no-such-program: command not found"),
        (["run", "--threshold", "fast", "--", "true"], "--threshold 'fast'"),
        (["run", "--threshold", "0", "--", "true"], "--threshold '0'"),
        (["run", "--threshold", "-1", "--", "true"], "--threshold"),
        (["run", "--threshold", "0ms", "--", "true"], "--threshold '0ms'"),
        (["run", "--threshold=-1ms", "--", "true"], "--threshold '-1ms'"),
        (["run", "--fail-on", "UJ9", "--", "true"], "no rule 'UJ9'"),
        (["run", "--json", "missing/x.json", "--", "true"], "cannot write missing/x.json"),
        (["run", "--src", "missing", "--", "true"], "--src missing"),
        (["run", "--wrong", "--", "true"], "unrecognized arguments: --wrong"),
        (["run", "--", "true"], "nothing that true ran was a Python"),
        (["report"], "no recording in .unjam"),
        (["report", "missing"], "cannot be read"),
        (["report", "/dev/null"], "is a file"),
        (["report", "."], "is not a recording"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words, text):
    """No traceback, no usage page, nothing on stdout."""
    done = unjam(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_run_without_python_leaves_the_last_recording_the_newest():
    """`unjam report` shows the last run in which there was something to see."""
    unjam("run", "--quiet", "--", sys.executable, program(HEALTHY))
    broken = Path("broken")
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    assert [unjam("run", "--", name).returncode for name in ("true", "./broken")] == [2, 2]
    assert "main.py" in unjam("report").stdout


@pytest.mark.parametrize("flag", ["-I", "-S", "-E"])
def test_a_python_that_ignores_its_environment_runs_unwatched(flag):
    """It cannot be watched from outside, and the line says so."""
    done = unjam("run", "--", sys.executable, flag, "-c", "print('hi')")
    assert done.stdout == "hi\n"
    assert flag in done.stderr


def test_recordings_of_another_time_and_kind():
    """A newer format is refused, garbage and a torn end are read around."""
    newer = Path("newer")
    newer.mkdir()
    (newer / "1.jsonl").write_text('{"e":"process","t":1,"v":99,"unjam":"9.0","pid":1}\n')
    done = unjam("report", "newer")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "newer unjam" in done.stderr
    unjam("run", "--quiet", "--", sys.executable, program(STALL))
    [file] = Path(".unjam").glob("*/*.jsonl")
    file.write_bytes(file.read_bytes()[:-20])
    assert "UJ101" in unjam("report").stdout
    file.write_bytes(os.urandom(5000))
    done = unjam("report")
    assert "Traceback" not in done.stderr
    assert done.returncode in {0, 2}


def test_an_unwritable_folder_leaves_the_program_alone():
    """It runs as without us, and one line says that nothing was recorded."""
    Path("file").write_text("")
    done = unjam("run", "--out", "file/below", "--", sys.executable, "-c", "print('hi')")
    assert (done.returncode, done.stdout) == (0, "hi\n")
    assert done.stderr.count("\n") == 1
    assert "cannot record in file/below" in done.stderr


@pytest.mark.parametrize("blocks", [0, 1])
def test_a_full_disk_leaves_the_program_alone(blocks):
    """Where nothing more can be written, before or in the middle, the program neither fails nor hears of it."""
    file = program(STALL + "print('result')\n")
    command = f"ulimit -f {blocks}; exec {sys.executable} -m unjam run -- {sys.executable} {file}"
    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, timeout=100, check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "result\n")
    assert "Traceback" not in done.stderr
    assert "unjam: " in done.stderr


def test_term_ends_the_program_and_brings_the_report():
    """A supervisor stops unjam: the program gets the signal, and what it did is reported."""
    file = program(WAITING)
    with start("run", "--", sys.executable, file) as running:
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGTERM)
        _, err = running.communicate(timeout=60)
    assert running.returncode == -signal.SIGTERM
    assert "ended by SIGTERM" in err
    assert "UJ101" in err


def test_ctrl_c_in_a_terminal_brings_the_report():
    """The program gets Ctrl-C from its terminal, and the report follows it there."""
    file = program(WAITING)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "unjam", "run", "--", sys.executable, file])
    shown = read_until(terminal, "ready")
    os.write(terminal, b"\x03")
    shown += read_until(terminal, None)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    assert "exit code 5" in shown
    assert "\x1b[1;31mUJ101 sleep" in shown


def read_until(terminal: int, wanted: str | None) -> str:
    """What a terminal shows, up to a text, or to its end."""
    shown, deadline = "", time.monotonic() + 60
    while wanted is None or wanted not in shown:
        assert time.monotonic() < deadline, shown
        if select.select([terminal], [], [], 1)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # the other side is closed
                return shown
            shown += data.decode()
    return shown


def test_a_process_that_lives_on_is_named():
    """A daemon that the program leaves behind does not hold up the report."""
    child = "import time; time.sleep(60)"
    file = program(
        "import subprocess, sys\n"
        f"p = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "import time, pathlib\n"
        "while not list(pathlib.Path('.unjam').glob(f'*/{p.pid}.jsonl')): time.sleep(0.01)\n"
        "print(p.pid)\n"
    )
    done = unjam("run", "--", sys.executable, file)
    try:
        assert done.returncode == 0
        assert f"pid {done.stdout.strip()} still runs" in done.stderr
    finally:
        os.kill(int(done.stdout), signal.SIGKILL)


def test_an_old_python_is_named():
    """Where a Python below is too old, the report says which and that it was not watched."""
    old = next(iter(sorted(Path.home().glob(".pyenv/versions/3.[6-9].*/bin/python"))), None)
    if old is None:
        pytest.skip("no Python older than 3.11 is installed here")
    done = unjam("run", "--", str(old), "-c", "print('hi')")
    assert (done.returncode, done.stdout) == (0, "hi\n")
    assert "No Python process was watched" in done.stderr
    assert "is not supported" in " ".join(done.stderr.split())


APP = """
import os, time

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["path"] == "/slow":
        time.sleep(0.6)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
"""


def get(port: int, path: str, *, until: float = 60.0) -> bytes:
    deadline = time.monotonic() + until
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as reply:
                return reply.read()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_uvicorn_with_two_workers_of_which_one_is_killed():
    """Both workers' findings are in one report, which says that one was killed; Ctrl-C ends it as it ends uvicorn."""
    pytest.importorskip("uvicorn")
    program(APP, "app.py")
    port = free_port()
    words = ["-m", "uvicorn", "app:app", "--workers", "2", "--loop", "asyncio", "--port", str(port)]
    with start("run", "--json", "report.json", "--", sys.executable, *words) as running:
        pids: set[int] = set()
        deadline = time.monotonic() + 60
        while len(pids) < 2 and time.monotonic() < deadline:
            pids.add(int(get(port, "/slow")))
        assert len(pids) == 2
        victim = min(pids)
        time_to_flush = time.monotonic() + 30
        while not stall_on_disk(victim) and time.monotonic() < time_to_flush:
            time.sleep(0.05)
        os.kill(victim, signal.SIGKILL)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    document = json.loads(Path("report.json").read_text())
    assert pids <= set(document["session"]["pids"])
    assert any(str(victim) in line and "killed" in line for line in document["not_observed"])
    [found] = [found for found in document["findings"] if found["rule"] == "UJ101"]
    assert found["culprit"]["function"] == "app"
    assert found["count"] >= 2
    assert "app.py:12 in app" in err


def stall_on_disk(pid: int) -> bool:
    return any('"e":"stall"' in file.read_text() for file in Path(".unjam").glob(f"*/{pid}.jsonl"))


@pytest.mark.parametrize("tier", ["native", "python"])
def test_a_stall_lasts_until_its_process_is_killed(monkeypatch, tier):
    """Nobody in the process could write the end of it: who waited for the process knows when that was."""
    monkeypatch.setenv("UNJAM_TIER", tier)
    text = """
        import asyncio, signal, threading, time
        async def main():
            await asyncio.sleep(0.01)
            begin = time.monotonic()
            time.sleep(0.6)
            print(1000 * (time.monotonic() - begin), flush=True)
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        asyncio.run(main())
    """
    done = unjam("run", "--json", "report.json", "--", sys.executable, program(textwrap.dedent(text)))
    document = json.loads(Path("report.json").read_text())
    assert -signal.SIGTERM == done.returncode
    [(culprit, total_ms)] = [(each["culprit"]["line"], each["total_ms"]) for each in accused(document)]
    assert 6 == culprit
    assert float(done.stdout) <= total_ms <= 1000 * document["session"]["duration_s"]
    assert any("it was ended by SIGTERM" in line for line in document["not_observed"])


def test_colour_is_for_terminals_and_those_who_ask(monkeypatch):
    """A pipe gets plain text, FORCE_COLOR colours, NO_COLOR none."""
    unjam("run", "--quiet", "--", sys.executable, program(HEALTHY))
    assert "\x1b[" not in unjam("report").stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in unjam("report").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in unjam("report").stdout
