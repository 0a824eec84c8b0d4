"""`unjam hang`, `why` and `top` as typed, on programs under `unjam run`."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "hangs"))

from hangs import HERE, PATIENCE_S
from unjam.control.address import find_sockets

SLEEPS = """
import asyncio, time

def quote():
    time.sleep(80)  # here

async def handle():
    await asyncio.sleep(0.2)
    quote()

async def main():
    await asyncio.create_task(handle(), name="request-1")

asyncio.run(main())
"""

HEALTHY = """
import asyncio

async def peer():
    await asyncio.sleep(600)

async def main():
    await asyncio.gather(*[peer() for _ in range(50)])

asyncio.run(main())
"""


def unjam(*words, check=None):
    command = [sys.executable, "-m", "unjam", *map(str, words)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=90,
        env=os.environ | {"COLUMNS": "100", "NO_COLOR": "1"},
        check=False,
    )
    assert check is None or done.returncode == check, (done.returncode, done.stdout, done.stderr)
    return done


@contextmanager
def watched(tmp_path, source, *options):
    """A program under `unjam run`; gives the program's own pid once it answers."""
    program = tmp_path / f"p{os.getpid()}.py"  # a name of its own: others may be watched on this machine, too
    program.write_text(source)
    command = [sys.executable, "-m", "unjam", "run", "--quiet", *options, "--", sys.executable, str(program)]
    with (tmp_path / "stderr").open("w") as stderr:
        run = subprocess.Popen(command, cwd=tmp_path, stderr=stderr)
    try:
        end = time.monotonic() + PATIENCE_S
        pid = None
        while pid is None and time.monotonic() < end:
            children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
            pid = next((int(child) for child in children if find_sockets(int(child))), None)
            time.sleep(0.05)
        assert pid is not None, "no control socket"
        yield pid, run, program
    finally:
        run.terminate()
        run.communicate(timeout=60)


def until(condition):
    end = time.monotonic() + PATIENCE_S
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.1)


def test_why_names_the_line_that_holds_the_loop(tmp_path):
    """The user's line, its cause, the task and what to do; exit code 1; the same in JSON."""
    with watched(tmp_path, SLEEPS) as (pid, _, program):
        # A busy machine may keep the loop from its first turns, too: that is told as well, and is not the sleep.
        held = until(lambda: "in quote" in (done := unjam("why", pid)).stdout and done)
        assert held
        assert held.returncode == 1
        line = SLEEPS.splitlines().index("    time.sleep(80)  # here") + 1
        assert f"{program.name}:{line} in quote" in held.stdout
        assert "UJ101" in held.stdout
        assert "request-1" in held.stdout
        assert "await asyncio.sleep" in held.stdout
        (loop,) = json.loads(unjam("why", pid, "--json", check=1).stdout)["loops"]
        assert loop["place"]["line"] == line
        assert [each["rule"] for each in loop["findings"]] == ["UJ101"]
        assert "Nothing is stuck" in unjam("hang", pid, check=0).stdout


def test_why_of_a_healthy_loop_says_what_it_waits_for(tmp_path):
    """Nothing is accused; exit code 0; equal tasks are one line."""
    with watched(tmp_path, HEALTHY) as (pid, run, program):
        said = until(lambda: "is healthy: it waits for events" in (done := unjam("why", pid)).stdout and done)
        assert said
        assert said.returncode == 0
        assert "waits for a timer" in said.stdout
        assert "50     waits  peer" in unjam("top", pid, "--once", check=0).stdout
        assert "50 tasks like" in unjam("hang", pid, "--tree", check=0).stdout
        # A parent that is not watched itself stands for the watched processes below it.
        assert f"pid {pid}" in unjam("hang", run.pid, check=0).stdout
        assert f"pid {pid}" in unjam("hang", "--name", program.stem, check=0).stdout


def dumps(folder):
    """Return the dumps that are whole on disk."""
    files = [file.read_text() for file in folder.glob(".unjam/*/*.jsonl")]
    return [
        json.loads(line)
        for text in files
        for line in text.splitlines(keepends=True)
        if '"dump"' in line and line[-1] == "\n"
    ]


def test_a_hung_loop_writes_its_graph_and_one_line_by_itself(tmp_path):
    """With --dump-after the culprit is on disk and in the log before anybody asks."""
    source = (HERE / "programs" / "lock_over_await.py").read_text()
    with watched(tmp_path, source, "--dump-after", "1s") as (_, _, program):
        log = tmp_path / "stderr"
        assert until(lambda: "UJ801" in log.read_text()), log.read_text()
        text = log.read_text()
        line = next(number for number, row in enumerate(source.splitlines(), start=1) if "# here" in row)
        assert f"{program.name}:{line} in main" in text
        assert "has been away for" in text
        (dump,) = until(lambda: dumps(tmp_path))
        assert (dump["e"], dump["graph"]["v"]) == ("dump", 1)
        (folder,) = tmp_path.glob(".unjam/*-*")
        assert "UJ801 deadlock" in unjam("report", folder).stdout


def test_top_draws_on_a_terminal_and_quits_cleanly(tmp_path):
    """On an 80x24 terminal the picture fits, s sorts, q ends with 0 and leaves the terminal as it was."""
    with watched(tmp_path, HEALTHY) as (pid, _, program):
        ours, theirs = pty.openpty()
        subprocess.run(["stty", "rows", "24", "cols", "80"], stdin=theirs, check=True)
        before = subprocess.run(["stty", "-g"], stdin=theirs, capture_output=True, check=True).stdout
        environment = {**os.environ, "TERM": "xterm"}
        environment.pop("COLUMNS", None)
        top = subprocess.Popen(
            [sys.executable, "-m", "unjam", "top", str(pid)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
        )
        seen = b""
        end = time.monotonic() + PATIENCE_S
        pressed = False
        while top.poll() is None and time.monotonic() < end:
            if select.select([ours], [], [], 0.2)[0]:
                seen += os.read(ours, 1 << 16)
            if b"q quit" in seen and not pressed:
                pressed = True
                os.write(ours, b"s")
            if b"away*" in seen:
                os.write(ours, b"q")
        assert top.wait(30) == 0, seen
        assert b"peer" in seen
        assert program.name.encode() in seen
        assert subprocess.run(["stty", "-g"], stdin=theirs, capture_output=True, check=True).stdout == before
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("command", ["hang", "why", "top"])
def test_a_process_that_is_gone_is_one_line_and_exit_code_3(command):
    """No traceback, no guess."""
    child = subprocess.Popen(["true"])
    child.wait()
    done = unjam(command, child.pid, check=3)
    assert done.stderr == f"unjam: process {child.pid} is gone\n"


@pytest.mark.parametrize("words", [("hang", "--name", "no-such-program"), ("top", "1", "--interval", "0")])
def test_wrong_usage_is_one_line(words):
    """Exit code 2 and the way out."""
    done = unjam(*words, check=2)
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
