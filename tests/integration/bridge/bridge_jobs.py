"""What pools of processes run in the tests: found by name in the children."""

import dataclasses
import os
import signal
import time

from unjam.bridge import Pool, cancelled

POOL = Pool("module-level", 2, kind="process")


def square(n):
    return n * n


@POOL.wrap
def wrapped(n):
    """Wrapped under its own name."""
    return n + 1


def fails(error):
    raise error


class Unpicklable(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a} {b}")


class NoNotes(Exception):
    def add_note(self, note):
        raise AttributeError(note)


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int


def raise_frozen():
    raise Frozen(5)


def until_cancelled(path):
    while not cancelled():
        time.sleep(0.002)
    path.write_text("told")
    return "late"


def pid_and_start(path):
    written = path.with_suffix(".new")
    written.write_text(str(os.getpid()))
    written.rename(path)
    time.sleep(600)


def raise_unpicklable():
    raise Unpicklable(1, 2)


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)
