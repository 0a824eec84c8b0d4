"""Target programs under `unjam run`: what they say about themselves is what unjam finds, and nothing else."""

import functools
import importlib.util
import itertools
import json
import os
import subprocess
import sys
import warnings

import pytest
from expectations import TARGETS, programs
from judging import Run, brief, complaints, is_starved

TIMEOUT_S = 60
ATTEMPTS = 3
"""Runs that a program has to be told right in: on shared cores some stalls are cut up by others. Each that is not is warned of."""
GATE = (3, 11)


def combinations():
    """Every program with each of its arguments, in every tier and on every loop that is tried here."""
    for program in programs():
        marks = [pytest.mark.serial] if "serial" in program.header else []
        for tier, loop in itertools.product(("native", "python"), program.loops):
            if not is_tried(program, tier, loop):
                continue
            for argument in program.arguments or [""]:
                name = "-".join(filter(None, [program.name, argument, tier, loop]))
                missed = program.missed(tier, loop)
                known = [pytest.mark.xfail(reason=missed, strict=False)] if missed else []
                yield pytest.param(program, argument, tier, loop, id=name, marks=marks + known)


def is_tried(program, tier, loop):
    """The gate tries the core on both loops and the twin on asyncio; other Pythons the core, and no program in every shape.

    UNJAM_TEST_FULL tries all.
    """
    if "UNJAM_TEST_FULL" in os.environ:
        return True
    is_gate = sys.version_info[:2] == GATE
    if (tier, loop) == ("native", "asyncio"):
        return is_gate or not program.arguments
    return is_gate and "usually" not in program.header and (tier, loop) != ("python", "uvloop")


def skip_unless_possible(program, loop):
    """Some programs need a package, a newer Python, or a machine that lets them have a network of their own."""
    if sys.version_info < program.python:
        pytest.skip(f"needs Python {program.header['python']}")
    if "namespaces" in program.header and not can_unshare():
        pytest.skip("needs user namespaces, which this machine refuses")
    needs = [*program.needs, *(["uvloop"] if loop == "uvloop" else [])]
    missing = [name for name in needs if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


@functools.cache
def can_unshare():
    """May this user make namespaces here?"""
    try:
        return subprocess.run(["unshare", "-rmn", "true"], capture_output=True, timeout=10, check=False).returncode == 0
    except OSError:
        return False


def watched(program, argument, tier, loop, folder):
    """Run it under `unjam run` and read the JSON report."""
    folder.mkdir(exist_ok=True)
    report = folder / "report.json"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "unjam",
            "run",
            "--json",
            report,
            "--out",
            folder,
            "--quiet",
            "--",
            sys.executable,
            program.path,
            *filter(None, [argument]),
        ],
        env=os.environ | {"UNJAM_TIER": tier, "PROGRAM_LOOP": loop},
        cwd=TARGETS,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Run(program, tier, loop, json.loads(report.read_text()), done.stdout)


@pytest.mark.parametrize(("program", "argument", "tier", "loop"), [*combinations()])
def test_what_it_says_is_what_is_found(program, argument, tier, loop, tmp_path):
    """Every fault is found at its line with its cause and length, and nobody else is accused."""
    skip_unless_possible(program, loop)
    for attempt in range(ATTEMPTS):
        run = watched(program, argument, tier, loop, tmp_path / str(attempt))
        if not complaints(run):
            break
        warnings.warn(f"{program.name} {argument} {tier} {loop}: {complaints(run)}", stacklevel=1)
    if complaints(run) and is_starved(run):
        pytest.skip(
            f"the machine gave the program no CPU for {run.starved_ms:.0f} ms, {ATTEMPTS} times: {complaints(run)}"
        )
    found = [brief(finding) for finding in run.report["findings"]]
    assert complaints(run) == [], "\n".join(["", *complaints(run), "found:", *(found or ["nothing"])])


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("tier", ["native", "python"])
def test_silence_comes_from_watching(tier, loop, tmp_path):
    """A healthy program's report has the numbers that show it was watched: the loop, its kind, its turns, the tier that was asked for."""
    program = next(program for program in programs() if program.name == "healthy_streams")
    skip_unless_possible(program, loop)
    report = watched(program, "", tier, loop, tmp_path).report
    assert [(each["tier"], loop in each["type"]) for each in report["loops"]] == [(tier, True)]
    assert tier == "python" or report["loops"][0]["turns"] > 1000
