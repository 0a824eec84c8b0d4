"""Small programs under the C core: each runs in a process of its own, so that a crash is a failed test and not the end."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from unjam.model.shared_frames import WholeStacks

PREAMBLE = """
import asyncio, json, os, re, signal, socket, sys, threading, time
from unjam.native import _core as core

failures = []

def start(threshold_ms=50, tick_ms=10, keep=0, fd=None):
    fd = os.open(os.environ["LINES"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if fd is None else fd
    unchecked = {source: reason for source, reason in core.check().items() if reason and source != "cgroup"}
    assert not unchecked, unchecked
    core.start(threshold_ns=int(threshold_ms * 1e6), tick_ns=int(tick_ms * 1e6), fd=fd, keep=keep)

def epoll_of(loop):
    selector = getattr(loop, "_selector", None)
    return selector.fileno() if selector else loop._get_backend_id()

def register(number=1):
    core.register_loop(number, epoll_of(asyncio.get_running_loop()))

def steps():
    core.install_steps(asyncio.Handle, lambda handle, error: failures.append(error))

def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass

def until(condition, seconds=50):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)

def tell(**facts):
    print(json.dumps(facts), flush=True)
"""


class Outcome(NamedTuple):
    """What a program did: its exit code, what it told (merged), its event lines, and its stderr."""

    code: int
    told: dict[str, Any]
    events: list[dict[str, Any]]
    stderr: str

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of a kind, in order."""
        return [event for event in self.events if event["e"] == kind]

    def stalls(self) -> list[dict[str, Any]]:
        """The last line of each stall, in order of their numbers."""
        return list({event["id"]: event for event in self.of("stall")}.values())

    def own_stalls(self) -> list[dict[str, Any]]:
        """Those that the program made; a busy machine adds others, in which its thread was seen to do nothing but wait for a CPU."""
        return [stall for stall in self.stalls() if not is_starved(stall)] or self.stalls()

    def longest(self) -> dict[str, Any]:
        """The stall that the program made: a machine that gives no CPU adds others, which are shorter."""
        return max(self.stalls(), key=lambda stall: (stall["t1"] or stall["t"]) - stall["t0"])

    def functions(self, stack: int) -> list[str]:
        """The names of a stack's functions, outermost first."""
        return next([frame[2] for frame in event["f"]] for event in self.of("stack") if event["id"] == stack)

    def main_sample(self) -> dict[str, Any]:
        """The largest group of samples of the longest stall, of equal ones that which lasted longest: with no CPU there are one or two of each."""
        return max(self.longest()["samples"], key=lambda sample: (sample["n"], sample["last"] - sample["first"]))


def is_starved(stall: dict[str, Any]) -> bool:
    """Whether the loop's thread waited for a CPU for most of a stall, and was never seen to do anything else."""
    length = (stall["t1"] or 0) - stall["t0"]
    return 2 * (stall["runq_ns"] or 0) > length > 0 and all(sample["state"] == "ready" for sample in stall["samples"])


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Outcome]:
    """Run a program after PREAMBLE, in the interpreter of the tests."""
    if importlib.util.find_spec("unjam.native._core") is None:
        pytest.skip("the C core is not built here")

    def run_program(source: str, *, timeout: float = 60, command: tuple[str, ...] = (sys.executable,)) -> Outcome:
        program, lines = tmp_path / "program.py", tmp_path / "lines.jsonl"
        lines.unlink(missing_ok=True)
        program.write_text(PREAMBLE + textwrap.dedent(source), encoding="utf-8")
        environment = os.environ | {"LINES": str(lines), "PYTHONFAULTHANDLER": "1"}
        if "UNJAM_MEMCHECK_PRELOAD" in environment:  # scripts/memcheck
            environment["LD_PRELOAD"] = environment["UNJAM_MEMCHECK_PRELOAD"]
        done = subprocess.run(
            [*command, str(program)], check=False, capture_output=True, text=True, timeout=timeout, env=environment
        )
        print(done.stderr, file=sys.stderr)
        told = {key: value for line in done.stdout.splitlines() for key, value in json.loads(line).items()}
        text = lines.read_text(encoding="utf-8") if lines.exists() else ""
        whole = WholeStacks()
        events = [event | (whole.restore(event) or {}) for event in map(json.loads, text.splitlines())]
        return Outcome(done.returncode, told, events, done.stderr)

    return run_program
