"""Target programs under `unjam run`: what they say about themselves is what unjam finds, and nothing else."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest
from expectations import TARGETS, programs
from judging import Run, brief, complaints

TIMEOUT_S = 60
GATE = (3, 11)
"""The Python on which the twin is tried too; the others have the same twin."""


def combinations():
    """Every program in every tier and on every loop; on other Pythons than the gate the native tier, unless UNJAM_TEST_FULL is set."""
    every_tier = sys.version_info[:2] == GATE or "UNJAM_TEST_FULL" in os.environ
    for program in programs():
        for tier in ("native", "python") if every_tier else ("native",):
            for loop in program.loops:
                marks = [pytest.mark.serial] if "serial" in program.header else []
                yield pytest.param(program, tier, loop, id=f"{program.name}-{tier}-{loop}", marks=marks)


def skip_unless_possible(program, loop):
    """Some programs need a package or a newer Python."""
    if sys.version_info < program.python:
        pytest.skip(f"needs Python {program.header['python']}")
    needs = [*program.needs, *(["uvloop"] if loop == "uvloop" else [])]
    missing = [name for name in needs if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


def watched(program, tier, loop, folder):
    """Run it under `unjam run` and read the JSON report."""
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


@pytest.mark.parametrize(("program", "tier", "loop"), combinations())
def test_what_it_says_is_what_is_found(program, tier, loop, tmp_path):
    """Every fault is found at its line with its cause and length, and nobody else is accused."""
    skip_unless_possible(program, loop)
    run = watched(program, tier, loop, tmp_path)
    found = "\n".join(brief(finding) for finding in run.report["findings"])
    assert complaints(run) == [], f"found:\n{found or 'nothing'}"


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("tier", ["native", "python"])
def test_silence_comes_from_watching(tier, loop, tmp_path):
    """A healthy program's report has the numbers that show it was watched: the loop, its kind, its turns, the tier that was asked for."""
    program = next(program for program in programs() if program.name == "healthy_streams")
    skip_unless_possible(program, loop)
    report = watched(program, tier, loop, tmp_path).report
    assert [(each["tier"], loop in each["type"]) for each in report["loops"]] == [(tier, True)]
    assert tier == "python" or report["loops"][0]["turns"] > 1000
