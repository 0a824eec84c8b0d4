"""Every classic hang is explained by a program that was not prepared but for its socket; innocents are left alone."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "hangs"))

from hangs import HERE, PATIENCE_S, expectation, judged, running
from unjam.model.findings import Grade

GUILTY = sorted((HERE / "programs").glob("*.py"))
TRACKED = sorted((HERE / "tracked").glob("*.py"))
INNOCENT = sorted((HERE / "innocent").glob("*.py"))
ALSO_TRACKED = [
    *GUILTY[::5],
    *[HERE / "innocent" / f"{name}.py" for name in ("condition_inside_with", "ended_by_others")],
]
"""Not reused_ident: there a lock is leaked indeed, which only tracking can tell."""


def at_work(graph, _):
    return any(node.kind == "task" for node in graph.nodes.values())


def explained(program, *arguments, **environment):
    rule, grade, lead, lines = expectation(program)
    with running(program, *arguments, environment=environment) as target:
        graph, found = judged(target, lambda _, verdict: bool(verdict.leads if lead else verdict.findings))
    findings = found.leads if lead else found.findings
    assert [each.rule for each in findings] == [rule], (findings, graph.nodes, graph.edges)
    assert (findings[0].grade.label == grade) or (environment and findings[0].grade >= Grade.EXACT), findings
    (finding,) = findings
    assert (Path(finding.culprit.file), finding.culprit.line in lines) == (program, True), finding
    assert finding.remedies
    assert any(f"{program}:{line}" in sentence for sentence in finding.cycle for line in lines)


@pytest.mark.parametrize("program", GUILTY, ids=lambda path: path.stem)
def test_a_classic_hang_is_explained(program):
    """One finding, of the right rule and grade, at the line that waits, with a cycle and something to do."""
    explained(program)


@pytest.mark.parametrize("program", GUILTY, ids=lambda path: path.stem)
def test_a_classic_hang_is_explained_on_uvloop(program):
    """The same on uvloop, which has none of the fields of the stdlib's loop."""
    pytest.importorskip("uvloop", reason="uvloop is not installed")
    explained(program, "uvloop")


@pytest.mark.parametrize(
    "program", sorted({HERE / "programs" / "idle_worker.py", *GUILTY[::3]}), ids=lambda path: path.stem
)
def test_a_classic_hang_is_explained_while_it_is_watched(program):
    """What watches has its hands on everything, on waits too: it is nobody who might end one."""
    explained(program, UNJAM_WATCHED="1")


@pytest.mark.parametrize("program", INNOCENT, ids=lambda path: path.stem)
def test_an_innocent_program_is_left_alone(program):
    """Waits that can end are never called a deadlock, nor anything else."""
    with running(program) as target:
        for _ in range(1 if program.stem == "many_tasks" else 2):
            _, found = judged(target, at_work, PATIENCE_S * 2)
            assert ([each.message for each in found.findings], [each.message for each in found.leads]) == ([], [])


def test_what_others_will_end_is_left_alone_on_uvloop():
    """Timers and descriptors of uvloop are seen as well, though its loop shows none of them in a field."""
    pytest.importorskip("uvloop", reason="uvloop is not installed")
    with running(HERE / "innocent" / "ended_by_others.py", "uvloop") as target:
        _, found = judged(target, lambda graph, _: len(graph.nodes) > 40)
        assert ([each.message for each in found.findings], [each.message for each in found.leads]) == ([], [])


@pytest.mark.parametrize("program", TRACKED, ids=lambda path: path.stem)
def test_tracked_locks_explain_what_no_frame_shows(program):
    """With --track-locks a holder is known whatever the style in which it took the lock, and even after its end."""
    explained(program, UNJAM_TRACK_LOCKS="1")


def test_the_twins_tracked_locks_explain_as_well():
    """Where the C core cannot be loaded, locks of Python know their holder."""
    explained(HERE / "tracked" / "ab_ba_acquire.py", UNJAM_TRACK_LOCKS="1", UNJAM_TIER="python")


@pytest.mark.parametrize("program", TRACKED[:2], ids=lambda path: path.stem)
def test_an_unknown_holder_is_never_guessed(program):
    """Without --track-locks nobody is accused, and the wait says which option would tell."""
    with running(program) as target:
        _, found = judged(target, lambda _, verdict: any("--track-locks" in wait.ends for wait in verdict.waits))
    assert [each.message for each in found.findings] == []
    assert any("--track-locks" in wait.ends for wait in found.waits)


@pytest.mark.parametrize("program", ALSO_TRACKED, ids=lambda path: path.stem)
def test_tracking_changes_no_verdict(program):
    """What is explained without --track-locks is explained with it, and an innocent program stays one."""
    if program in GUILTY:
        explained(program, UNJAM_TRACK_LOCKS="1")
        return
    with running(program, environment={"UNJAM_TRACK_LOCKS": "1"}) as target:
        _, found = judged(target, at_work)
    assert [each.message for each in found.findings] == []
