"""Servers that are forks of one process, side by side on one CPU, with the load on another."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from client import free_port, wait_until_ready


class Server(NamedTuple):
    """A running one: the number of its process, and its port."""

    process: int
    port: int

    def cpu_ns(self) -> int:
        """CPU time of all its threads that live: Documentation/scheduler/sched-stats.rst of Linux."""
        threads = Path(f"/proc/{self.process}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)


@contextmanager
def forked(serve: Callable[[int], object]) -> Iterator[Server]:
    """A fork that calls `serve(port)`."""
    port = free_port()
    process = os.fork()
    if process == 0:
        try:
            serve(port)
        finally:
            os._exit(0)
    try:
        wait_until_ready(port)
        yield Server(process, port)
    finally:
        os.kill(process, signal.SIGTERM)
        os.waitpid(process, 0)


@contextmanager
def two_cpus() -> Iterator[Callable[[], None]]:
    """Be on one CPU, where forks are made, until what is given is called, and then on another; raises RuntimeError where there is one only."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) == 1:
        raise RuntimeError("two CPUs are needed: one for the servers, one for the load")
    os.sched_setaffinity(0, cpus[:1])
    try:
        yield lambda: os.sched_setaffinity(0, cpus[1:2])
    finally:
        os.sched_setaffinity(0, cpus)
