"""Starting hung programs, asking them, and reading what their sources expect."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from unjam.control.client import ask
from unjam.diagnosis.hang import verdict
from unjam.errors import NotAvailable
from unjam.model.waits import from_json

HERE = Path(__file__).parent
LIFE_S = 90
PATIENCE_S = 45


@contextmanager
def running(program, *arguments, environment=None):
    """Run a program of this folder with a control socket; it is killed at the end, and its output shown where a test fails."""
    command = [sys.executable, str(HERE / "launch.py"), str(program), str(LIFE_S), *arguments]
    with tempfile.TemporaryFile() as said:
        target = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env={**os.environ, **(environment or {})}
        )
        target.said = lambda: os.pread(said.fileno(), 1 << 20, 0).decode(errors="replace")
        try:
            yield target
            assert target.poll() in {None, 0}, f"the program ended with {target.returncode}"
        except BaseException as error:
            error.add_note(f"The program said: {target.said()}")
            raise
        finally:
            target.kill()
            target.wait()


def answer(target, question="hang", deadline_s=PATIENCE_S):
    """Ask until the program has its socket and answers."""
    end = time.monotonic() + deadline_s
    while True:
        try:
            return ask(target.pid, question, deadline_s=deadline_s)
        except NotAvailable:
            if target.poll() is not None:
                raise AssertionError(f"the program ended: {target.said()}") from None
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def judged(target, until, patience_s=PATIENCE_S):
    """Ask until the verdict is what a program that has come to rest gives, or patience ends; returns graph and verdict."""
    end = time.monotonic() + patience_s
    while True:
        graph = from_json(answer(target, deadline_s=patience_s))
        found = verdict(graph)
        if until(graph, found) or time.monotonic() > end:
            return graph, found


def random_spec(chance, systems, largest=5):
    """Return what `cases/generated.py` takes: small systems of threads and tasks, nobody of which wants anything of another system."""
    spec = []
    for _ in range(systems):
        base, size = len(spec), chance.randint(1, largest)
        kinds = [chance.choice(["thread", "task"]) for _ in range(size)]
        for kind in kinds:
            how = chance.choice(["lock", "end", "end", "lock", None])
            of = chance.randrange(size)
            crosses = kinds[of] != kind
            how = "end" if crosses and how else how
            # A task with a time-out on another's end would cancel that one: what then follows is no matter of locks and ends.
            timed = chance.random() < 0.15 and (kind == "thread" or crosses or how == "lock")
            spec.append([kind, how, base + of, bool(how and timed)])
        for number in range(base, len(spec)):  # Nobody joins himself: that is an error, not a wait.
            if spec[number][1] == "end" and spec[number][2] == number:
                spec[number][1:] = ["lock", number, False]
    return spec


def stuck_by_rule(spec):
    """Return who never gets on: whoever runs into a cycle by following what he wants, unless a time-out lies on the way."""
    found = set()
    for start in range(len(spec)):
        seen, at = [], start
        while at is not None and at not in seen:
            seen.append(at)
            _, how, of, timed = spec[at]
            at = of if how and not timed else None
        if at is not None:
            found.add(start)
    return found


def called_stuck(spec, patience_s=PATIENCE_S):
    """Run the program until who is called stuck is who is expected, or patience ends; return who was missed, and who accused ever."""
    expected, accused = stuck_by_rule(spec), set()
    with running(HERE / "cases" / "generated.py", json.dumps(spec)) as target:
        end = time.monotonic() + patience_s
        while True:
            graph = from_json(answer(target))
            said = {number for key in verdict(graph).stuck if (number := _actor(graph.nodes[key].label)) is not None}
            accused |= said - expected
            at_work = sum(_actor(node.label) is not None for node in graph.nodes.values()) == len(spec)
            if (at_work and said == expected) or accused or time.monotonic() > end:
                return expected - said, accused


def _actor(label):
    found = re.match(r"(?:thread |task ')actor-(\d+)", label)
    return int(found[1]) if found else None


def expectation(program):
    """Return rule, grade, whether it is a lead, and the lines marked `# here`."""
    text = program.read_text()
    lead, rule, grade = re.search(r"# expect: (lead )?(UJ\d+) (\w+)", text).groups()
    lines = {number for number, line in enumerate(text.splitlines(), start=1) if "# here" in line}
    return rule, grade, bool(lead), lines
