"""Which target programs are run in which tier on which loop, and one run of one of them, watched."""

import functools
import importlib.util
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from expectations import TARGETS, Program, programs
from judging import Run

from unjam.children import child_environment
from unjam.cli.run import POLL_S, SETTLE_S
from unjam.cli.session import load
from unjam.model.durations import parse_duration
from unjam.recording import folder as recordings
from unjam.reports import renderer

TIMEOUT_S = 60
GATE = (3, 11)


class Combination(NamedTuple):
    """One program with one of its arguments ("" for none), in one tier on one kind of loop."""

    program: Program
    argument: str
    tier: str
    loop: str

    def __str__(self) -> str:
        """Its name, as tests and benchmarks show it."""
        return "-".join(filter(None, [self.program.name, *self[1:]]))


def combinations() -> Iterator[Combination]:
    """Every program with each of its arguments, in every tier and on every loop that is tried here."""
    for program in programs():
        for tier, loop in itertools.product(("native", "python"), program.loops):
            if is_tried(program, tier, loop):
                yield from (Combination(program, argument, tier, loop) for argument in program.arguments or [""])


def is_tried(program: Program, tier: str, loop: str) -> bool:
    """The gate tries the core on both loops and the twin on asyncio; other Pythons the core, and no program in every shape.

    UNJAM_TEST_FULL tries all.
    """
    if "UNJAM_TEST_FULL" in os.environ:
        return True
    is_gate = sys.version_info[:2] == GATE
    if (tier, loop) == ("native", "asyncio"):
        return is_gate or not program.arguments
    return is_gate and "usually" not in program.header and (tier, loop) != ("python", "uvloop")


def why_not(program: Program, loop: str) -> str:
    """What this machine lacks for a program: a newer Python, a network of its own, a package; "" where nothing."""
    if sys.version_info < program.python:
        return f"needs Python {program.header['python']}"
    if "quota" in program.header and not can_limit():
        return "needs a CPU control group of its own, which this machine refuses"
    if "namespaces" in program.header and not can_unshare():
        return "needs user namespaces, which this machine refuses"
    needs = [*program.needs, *(["uvloop"] if loop == "uvloop" else [])]
    missing = [name for name in needs if importlib.util.find_spec(name) is None]
    return f"needs {', '.join(missing)}" if missing else ""


@functools.cache
def can_limit() -> bool:
    """May this user make control groups with a CPU quota here?"""
    try:
        with quota_group():
            return True
    except OSError:
        return False


@contextmanager
def quota_group() -> Iterator[Path]:
    """A control group with 60 of each 300 ms of a CPU, of either version (Documentation/admin-guide/cgroup-v2.rst, scheduler/sched-bwc.rst).

    So long a period leaves a wait beyond any threshold even where others made the 60 ms take twice as long. Raises OSError where none can be made.
    """
    first = Path("/sys/fs/cgroup/cpu")
    group = (first if first.is_dir() else Path("/sys/fs/cgroup")) / f"unjam-test-{os.getpid()}"
    group.mkdir()
    try:
        if first.is_dir():
            (group / "cpu.cfs_period_us").write_text("300000")
            (group / "cpu.cfs_quota_us").write_text("60000")
        else:
            (group / "cpu.max").write_text("60000 300000")
        yield group
    finally:
        group.rmdir()


@functools.cache
def can_unshare() -> bool:
    """May this user make namespaces here?"""
    try:
        return subprocess.run(["unshare", "-rmn", "true"], capture_output=True, timeout=10, check=False).returncode == 0
    except OSError:
        return False


def watched(combination: Combination, folder: Path) -> Run:
    """Run it as `unjam run` has a program watched, recording below `folder`, and tell of it as the JSON report does.

    The command itself would be a second interpreter for each program, at twice the cost; `commanded` runs that.
    """
    program, argument, tier, loop = combination
    recording = recordings.create(program.name, root=folder)
    recordings.write_meta(recording, {"cwd": str(TARGETS)})
    environment = child_environment(os.environ, folder=recording, threshold_ns=threshold_ns(program), tier=tier)
    with quota_group() if "quota" in program.header else nullcontext() as group:
        done = started([*entering(group), sys.executable, program.path, *filter(None, [argument])], loop, environment)
    assert done.returncode == 0, done.stderr
    end = time.monotonic() + SETTLE_S
    while recordings.writers(recording) and time.monotonic() < end:
        time.sleep(POLL_S)
    return Run(program, tier, loop, json.loads(renderer("json")(load(recording))), done.stdout)


def commanded(combination: Combination, folder: Path) -> Run:
    """Run it under the command `unjam run`, recording below `folder`, and read the JSON report."""
    program, argument, tier, loop = combination
    report = folder / "report.json"
    threshold = ["--threshold", f"{threshold_ns(program)}ns"]
    unjam = [sys.executable, "-m", "unjam", "run", "--json", report, "--out", folder, "--quiet", *threshold, "--"]
    command = [*unjam, sys.executable, program.path, *filter(None, [argument])]
    done = started(command, loop, os.environ | {"UNJAM_TIER": tier})
    assert done.returncode == 0, done.stderr
    return Run(program, tier, loop, json.loads(report.read_text()), done.stdout)


def threshold_ns(program: Program) -> int:
    """What is a stall in it."""
    return parse_duration(program.header.get("threshold", "50ms"), what="threshold")


def entering(group: Path | None) -> list[str]:
    """What starts a command in a control group: it has to be in there before unjam looks for one."""
    return ["sh", "-c", f'echo 0 > {group}/cgroup.procs && exec "$@"', "sh"] if group else []


def started(
    command: Sequence[str | Path], loop: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command of a target program to its end."""
    return subprocess.run(
        command,
        env={**environment, "PROGRAM_LOOP": loop},
        cwd=TARGETS,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
