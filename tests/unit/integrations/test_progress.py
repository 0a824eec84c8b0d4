"""Laws of `--unjam-hang`: what gets no CPU is no hang, and who looks late does not take that for the test's time."""

import threading

import pytest

from unjam.integrations.pytest_plugin import looking, progress
from unjam.integrations.pytest_plugin.looking import Looks, Phase
from unjam.integrations.pytest_plugin.progress import Test, gets_on, starved
from unjam.model.findings import Grade
from unjam.model.waits import Edge, Graph, Node

MAIN, WORKER = 1, 2
IN_SELECT = "in the select of its loop"


@pytest.fixture
def waiting():
    """A task that waits for a thread, in a loop that waits for events."""
    nodes = (
        Node("task", "task", "task 'Task-1'"),
        Node("loop", "loop", "the loop of MainThread"),
        Node("main", "thread", "thread MainThread", facts={"ident": MAIN, "state": IN_SELECT}),
        Node("worker", "thread", "thread worker", facts={"ident": WORKER, "state": "waits"}),
    )
    edges = (Edge("task", "worker", "waits for", Grade.EXACT), Edge("loop", "main", "runs in", Grade.EXACT))
    return Graph(1, "3", 0, nodes={node.key: node for node in nodes}, edges=edges)


@pytest.mark.parametrize(("without_cpu", "got_on"), [((), False), ((MAIN,), True), ((WORKER,), True), ((3,), False)])
def test_who_waits_for_a_cpu_is_not_stuck(waiting, without_cpu, got_on):
    """The test's own thread, in the select of its loop or not, and what it waits for; not a thread that is nobody's business."""
    assert got_on == gets_on(waiting, Test("test_it.py", MAIN, "task"), frozenset(), frozenset(without_cpu))


@pytest.mark.parametrize(
    ("stat", "before", "found"),
    [("7 (a) b) R 1", "4", True), ("7 (a) b) S 1", "4", False), ("7 (a) b) R 1", "3", False), ("", "4", False)],
    ids=["ready and never given one", "asleep", "given one meanwhile", "not told"],
)
def test_who_waits_for_a_cpu_is_ready_and_was_given_none(monkeypatch, tmp_path, stat, before, found):
    """As the system tells of a thread, whatever its name is."""
    thread = threading.current_thread()
    (tmp_path / str(thread.native_id)).mkdir()
    (tmp_path / str(thread.native_id) / "stat").write_text(stat)
    monkeypatch.setattr(progress, "TASKS", tmp_path)
    assert found == (thread.ident in starved({thread.ident: before}, {thread.ident: "4"}))


def test_quiet_counts_from_the_end_of_the_look_that_found_it_moving(monkeypatch, waiting):
    """A look may take long, or its thread may be held up in it: what moved in that time is not taken for quiet."""

    class Slow:
        def collect(self):
            now[0] += 500.0
            return waiting

    now, phase = [0.0], Phase("test_it", "test_it.py", 30.0, 0.0, MAIN)
    monkeypatch.setattr(looking.time, "monotonic", lambda: now[0])
    looks = Looks()
    looks._collector = Slow()
    assert not looks.is_quiet(phase)
    assert phase.quiet_since == 500.0


def test_one_look_is_as_soon_as_the_whole_limit_is_over():
    """What is quiet by then is told then: pytest-timeout may end the test soon after."""
    phase = Phase("test_it", "test_it.py", 30.0, 100.0, MAIN)
    assert [110.0, 130.0, 134.0] == [phase.look_after(now, 4.0) for now in (106.0, 128.0, 130.0)]
