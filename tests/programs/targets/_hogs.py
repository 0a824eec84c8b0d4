"""Processes that take all of a core, and a polite loop beside them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def beside_hogs() -> Iterator[None]:
    """Share one core with two busy processes, politely. Enter it before the loop runs: they are started and waited for."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    hogs = [subprocess.Popen([sys.executable, "-S", "-E", "-c", "while True: pass"]) for _ in range(2)]
    os.nice(10)
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
