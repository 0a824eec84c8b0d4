"""Target programs, watched: what they say about themselves is what unjam finds, and nothing else."""

import pytest
from expectations import programs
from judging import brief, complaints, is_starved
from running import Combination, combinations, commanded, watched, why_not


def cases():
    """Every combination with its marks."""
    for each in combinations():
        marks = [pytest.mark.serial] if "serial" in each.program.header else []
        yield pytest.param(each, id=str(each), marks=marks)


def skip_unless_possible(combination):
    """Some programs need a package, a newer Python, or a machine that lets them have a network of their own."""
    reason = why_not(combination.program, combination.loop)
    if reason:
        pytest.skip(reason)


@pytest.mark.parametrize("combination", [*cases()])
def test_what_it_says_is_what_is_found(combination, tmp_path):
    """Every fault is found at its line with its cause and length, and nobody else is accused."""
    skip_unless_possible(combination)
    run = watched(combination, tmp_path)
    if complaints(run) and is_starved(run):
        pytest.skip(f"the machine gave the program no CPU for {run.starved_ms:.0f} ms: {complaints(run)}")
    found = [brief(finding) for finding in run.report["findings"]]
    assert complaints(run) == [], "\n".join(["", *complaints(run), "found:", *(found or ["nothing"])])


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("tier", ["native", "python"])
def test_silence_comes_from_watching(tier, loop, tmp_path):
    """A healthy program's report has the numbers that show it was watched: the loop, its kind, its turns, the tier that was asked for."""
    combination = Combination(named("healthy_streams"), "", tier, loop)
    skip_unless_possible(combination)
    report = watched(combination, tmp_path).report
    assert [(each["tier"], loop in each["type"]) for each in report["loops"]] == [(tier, True)]
    assert tier == "python" or report["loops"][0]["turns"] > 1000


@pytest.mark.parametrize("name", ["sleep", "short_stalls", "healthy_streams"])
def test_the_command_tells_the_same(name, tmp_path):
    """`unjam run` reports what this suite reads from the recording: the fault, one below the usual threshold, none."""
    run = commanded(Combination(named(name), "", "native", "asyncio"), tmp_path)
    if complaints(run) and is_starved(run):
        pytest.skip(f"the machine gave the program no CPU for {run.starved_ms:.0f} ms: {complaints(run)}")
    assert complaints(run) == []
    assert len(run.report["loops"]) == 1


def named(name):
    (program,) = (each for each in programs() if each.name == name)
    return program
