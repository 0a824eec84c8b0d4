"""Starting hung programs, asking them, and reading what their sources expect."""

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
PATIENCE_S = 30


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


def stuck_by_rule(wants):
    """Return who never gets on: whoever runs into a cycle by following what he wants."""
    found = set()
    for start in range(len(wants)):
        seen, at = [], start
        while at is not None and at not in seen:
            seen.append(at)
            at = wants[at]
        if at is not None:
            found.add(start)
    return found


def expectation(program):
    """Return rule, grade, whether it is a lead, and the lines marked `# here`."""
    text = program.read_text()
    lead, rule, grade = re.search(r"# expect: (lead )?(UJ\d+) (\w+)", text).groups()
    lines = {number for number, line in enumerate(text.splitlines(), start=1) if "# here" in line}
    return rule, grade, bool(lead), lines
