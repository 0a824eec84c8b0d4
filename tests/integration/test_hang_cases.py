"""What may surround a hang: hostile objects, deep chains, many tasks, other threads; and random programs with a known outcome."""

import json
import os
import random
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "hangs"))

from hangs import HERE, PATIENCE_S, answer, called_stuck, judged, random_spec, running

CASES = HERE / "cases"


def labels(graph, kind):
    return [node.label for node in graph.nodes.values() if node.kind == kind]


def test_no_code_of_the_program_runs():
    """Objects that end the process when looked at are never looked at; the deadlock among them is explained."""
    with running(CASES / "hostile.py") as target:
        graph, found = judged(target, lambda _, verdict: bool(verdict.findings))
        assert [each.rule for each in found.findings] == ["UJ801"]
        text = json.dumps([node.label for node in graph.nodes.values()])
        assert max(len(node.label) for node in graph.nodes.values()) < 500
        assert all(label.isprintable() for label in json.loads(text))


def test_deep_chains_are_walked_without_recursion_and_cut():
    """Five thousand awaits and nine hundred frames are walked; the middle is left out and counted."""
    with running(CASES / "deep.py") as target:
        # The tasks are there before the first of them has begun its chain.
        graph, found = judged(
            target, lambda graph, _: len(labels(graph, "task")) > 2000 and "await links" in graph.truncated
        )
        assert found.findings == ()
        assert graph.truncated["await links"] >= 4800
        assert max(len(stack) for stack in graph.stacks) <= 101


@pytest.mark.serial
def test_ten_thousand_tasks_are_collected_in_short_slices():
    """The GIL is never kept for long: what one slice does is bounded in CPU time."""
    with running(HERE / "innocent" / "many_tasks.py") as target:
        # Of several looks the one least disturbed counts: what else runs on the machine makes instructions slower.
        graph, found = judged(
            target, lambda graph, _: len(labels(graph, "task")) > 10_000 and graph.longest_slice_ms < 20, PATIENCE_S * 2
        )
        assert found.findings == ()
        assert graph.longest_slice_ms < 20
        assert len(labels(graph, "task")) > 10_000
        assert len(graph.stacks) < 200


FULL = bool(os.environ.get("UNJAM_TEST_FULL"))
SEEDS, SYSTEMS = (126, 80) if FULL else (6, 12)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_programs_of_threads_and_tasks(seed):
    """Real threads and tasks with random wants, across each other too: exactly those that run into a cycle are called stuck, at any time."""
    spec = random_spec(random.Random(seed), SYSTEMS)
    assert called_stuck(spec) == (set(), set()), spec


def test_a_signal_while_dumping_reaches_the_program():
    """Our thread takes no signal of the program: it ends by SIGTERM as ever."""
    with running(HERE / "innocent" / "many_tasks.py") as target:
        answer(target, "hello")
        target.send_signal(signal.SIGTERM)
        assert target.wait(30) == -signal.SIGTERM
        target.returncode = 0


def test_the_program_ends_while_it_is_asked():
    """A process that ends in the middle of an answer ends with its own code, and the asker is told."""
    with running(HERE / "innocent" / "many_tasks.py") as target:
        # Its loop must run: while a program imports, Python may drop a KeyboardInterrupt ("Exception ignored in").
        judged(target, lambda graph, _: len(labels(graph, "task")) > 10_000)
        pid = os.fork()
        if pid == 0:
            try:
                answer(target, "hang", deadline_s=5)
            except BaseException:
                os._exit(7)
            os._exit(0)
        target.send_signal(signal.SIGINT)
        assert target.wait(60) in {-signal.SIGINT, 130}
        assert os.waitpid(pid, 0)[1] >> 8 in {0, 7}
        target.returncode = 0
