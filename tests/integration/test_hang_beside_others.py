"""Asking a program in which somebody else measures it, or has stopped it: coverage, debuggers, clocks that jump."""

import ctypes
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "hangs"))

from hangs import HERE, LIFE_S, PATIENCE_S, answer, judged, running
from unjam.control.client import NoAnswer, ask

MEASURED = """
import asyncio
import os
import sys
import threading

ASKED = len(sys.argv) > 1


def work(number):
    if number % 2:
        return number
    return -number


async def main():
    lock, threads = asyncio.Lock(), threading.Lock()
    async with lock:
        with threads:
            total = sum([await asyncio.to_thread(work, n) for n in range(5)])
            if ASKED:
                from unjam.control.client import ask
                reply = await asyncio.to_thread(ask, os.getpid(), "hang")
                assert reply["pid"] == os.getpid()
    try:
        raise KeyError(total)
    except KeyError:
        await asyncio.sleep(0)


if ASKED:
    import unjam

    unjam.install(record=False, log=False)
asyncio.run(main())
"""
CORES = ("ctrace", "sysmon") if sys.version_info >= (3, 12) else ("ctrace",)


def covered(program, core, *arguments):
    """Run a program under coverage; return what lines and branches it says were taken, but for those of asking."""
    data, out = program.with_suffix(f".{core}{len(arguments)}"), program.with_suffix(".json")
    tool = [sys.executable, "-m", "coverage"]
    environment = {**os.environ, "COVERAGE_CORE": core, "COVERAGE_FILE": str(data)}
    options = {
        "env": environment,
        "timeout": PATIENCE_S * 2,
        "cwd": program.parent,
        "capture_output": True,
    }
    run = [*tool, "run", "--rcfile=/dev/null", "--branch", "--include", program, program, *arguments]
    for command in (run, [*tool, "json", "--rcfile=/dev/null", "-q", "-o", out]):
        subprocess.run(command, check=True, **options)
    (found,) = json.loads(out.read_text())["files"].values()
    lines = program.read_text().splitlines()
    asking = {n for n, line in enumerate(lines, start=1) if "ask" in line.lower() or "unjam" in line or "reply" in line}
    return set(found["executed_lines"]) - asking, {
        tuple(each) for each in found["executed_branches"] if asking.isdisjoint(each)
    }


@pytest.mark.parametrize("core", CORES)
def test_coverage_counts_as_without_us(tmp_path, core):
    """Lines and branches taken are the same in a program that is watched and asked while coverage measures it."""
    program = tmp_path / "measured.py"
    program.write_text(MEASURED)
    alone, watched = covered(program, core), covered(program, core, "asked")
    assert watched == alone
    assert len(alone[0]) > 10


PAUSED = """
import asyncio
import signal

signal.alarm({life})


async def main():
    lock = asyncio.Lock()
    async with lock:
        waiting = asyncio.create_task(lock.acquire())
        await asyncio.sleep(0)
        print("now", flush=True)
        breakpoint()
        left = 3
    await waiting
    print("left", left, flush=True)


import unjam

unjam.install(record=False, log=False, threshold="50ms")
asyncio.run(main())
"""


def test_a_debugger_at_its_prompt_is_no_deadlock(tmp_path):
    """At the prompt of pdb a loop waits for the person: that is told as such, everything else waits on, and the program goes on."""
    program = tmp_path / "paused.py"
    program.write_text(PAUSED.format(life=LIFE_S))
    with subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as target:
        target.said = lambda: "?"
        try:
            assert target.stdout.readline() == "now\n"
            _, found = judged(target, lambda _, verdict: any("lock" in wait.what for wait in verdict.waits))
            why = answer(target, "why")
            target.stdin.write("p left\nc\n")
            target.stdin.flush()
            said, _ = target.communicate(timeout=PATIENCE_S)
        finally:
            target.kill()
    assert ([each.message for each in found.findings], [each.message for each in found.leads]) == ([], [])
    (loop,) = why["loops"]
    assert loop["away_since_ns"] is not None
    assert "left 3" in said
    assert target.returncode == 0


ATTACH, DETACH = 16, 17
"""PTRACE_ATTACH and PTRACE_DETACH (sys/ptrace.h)."""


@contextmanager
def traced(pid):
    """Stop all threads of a process as a debugger does."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    attached = []
    try:
        for tid in map(int, os.listdir(f"/proc/{pid}/task")):
            if libc.ptrace(ATTACH, tid, None, None):
                pytest.skip(f"this machine lets nobody trace a child: {os.strerror(ctypes.get_errno())}")
            attached.append(tid)
            os.waitpid(tid, 0x40000000)  # __WALL
        yield
    finally:
        for tid in attached:
            libc.ptrace(DETACH, tid, None, None)


def test_a_process_that_a_debugger_holds_is_told_and_left_alone():
    """All of its threads are stopped: it does not answer, which is said within the deadline; let go, it is as innocent as before."""
    with running(HERE / "innocent" / "wait_with_timeout.py") as target:
        answer(target, "hello")
        with traced(target.pid):
            began = time.monotonic()
            with pytest.raises(NoAnswer, match="it is stopped, or native code has kept the GIL"):
                ask(target.pid, "hang", deadline_s=0.5)
            assert time.monotonic() - began < PATIENCE_S
            status = Path(f"/proc/{target.pid}/status").read_text()
            assert "tracing stop" in status
        _, found = judged(target, lambda graph, _: any(node.kind == "task" for node in graph.nodes.values()))
        assert [each.message for each in found.findings] == []


JUMPING = """
import asyncio
import itertools
import signal
import threading
import time

signal.alarm({life})
jumps = itertools.count()
time.time = lambda: (-1) ** next(jumps) * 1e9
time.time_ns = lambda: (-1) ** next(jumps) * 10**18
time.clock_gettime = lambda _: (-1) ** next(jumps) * 1e9
LOCK = threading.Lock()


async def holder(held):
    with LOCK:
        held.set()
        await asyncio.sleep(3600)


async def main():
    held = asyncio.Event()
    task = asyncio.create_task(holder(held))
    await held.wait()
    print("now", flush=True)
    LOCK.acquire()


import unjam

unjam.install(record=False, log=False, threshold="50ms")
asyncio.run(main())
"""


@pytest.mark.parametrize("tier", ["native", "python"])
def test_a_clock_that_jumps_changes_no_answer(tmp_path, tier):
    """The wall clock goes to and fro by decades: how long the loop has been away, and who waits for whom, is told as ever."""
    program = tmp_path / "jumping.py"
    program.write_text(JUMPING.format(life=LIFE_S))
    environment = {**os.environ, "UNJAM_TIER": tier}
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True, env=environment) as target:
        target.said = lambda: "?"
        try:
            before = time.monotonic_ns()
            assert target.stdout.readline() == "now\n"
            _, found = judged(target, lambda _, verdict: bool(verdict.findings))
            why = answer(target, "why")
            now = time.monotonic_ns()
        finally:
            target.kill()
    assert [each.rule for each in found.findings] == ["UJ801"]
    (loop,) = why["loops"]
    assert before < loop["away_since_ns"] < why["t"] <= now
