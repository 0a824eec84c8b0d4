"""One child process of a pool, and its inside."""

from __future__ import annotations

import multiprocessing
import os
import signal
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from unjam.bridge.remote import execute
from unjam.bridge.workers import ELSEWHERE
from unjam.errors import WorkerDied

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

# Sent to a child while it runs something: the caller has gone. A job is never empty.
CANCEL = b""
# Sent by a child once, when it has come to take jobs.
STARTED = b"started"


class Child:
    """A process that runs one job at a time.

    It is spawned, not forked: a fork of a program with threads may inherit a lock that nobody will ever release. It is a
    daemon: it ends with the program. It ignores SIGINT, which a terminal sends to all: the parent decides.
    """

    def __init__(self, name: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), name=name, daemon=True)
        self._process.start()
        theirs.close()
        self._sending = Lock()
        self._started = False

    def run(self, job: bytes, gone: Callable[[], bool]) -> bytes:
        """As Remote."""
        try:
            if not self._started:
                self._started = self._connection.recv_bytes() == STARTED
            with self._sending:
                self._connection.send_bytes(job)
            if gone():
                self.cancel()
            return self._connection.recv_bytes()
        except (EOFError, OSError):
            raise self._died() from None

    def _died(self) -> WorkerDied:
        self._connection.close()
        self._process.join()
        text = (
            f"process {self._process.name!r} (pid {self._process.pid}) ended {{}}, exit code {self._process.exitcode}"
        )
        self.close()
        if self._started:
            return WorkerDied(text.format("under its call"))
        return WorkerDied(
            text.format("while it was being started")
            + "; it imports the program's main file: what is to run in the program only belongs under `if __name__ == '__main__':`"
        )

    def alive(self) -> bool:
        """As Remote."""
        return self._process.is_alive()

    def cancel(self) -> None:
        """As Remote; does not wait for a job that is just being sent, after which `run` looks whether the caller is there."""
        if self._sending.acquire(blocking=False):
            try:
                self._connection.send_bytes(CANCEL)
            except OSError:
                pass  # it has ended, so there is nobody to tell
            finally:
                self._sending.release()

    def kill(self) -> None:
        """As Remote."""
        with suppress(ValueError):  # its thread has just closed it
            self._process.kill()

    def close(self) -> None:
        """As Remote. What the system keeps of a process is given back here, not when it is collected."""
        self._connection.close()
        with suppress(ValueError):  # it is closed already
            self._process.join()
            self._process.close()


def serve(connection: Connection) -> None:
    """Run jobs until the parent has gone or has closed the pipe; the whole life of a child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gone = False

    def caller_gone() -> bool:
        nonlocal gone
        while connection.poll(0):
            gone = connection.recv_bytes() == CANCEL
        return gone

    ELSEWHERE.append(caller_gone)
    try:
        connection.send_bytes(STARTED)
        while True:
            job = connection.recv_bytes()
            if job != CANCEL:  # one that came too late for the job before
                gone = False
                connection.send_bytes(execute(job))
    except (EOFError, OSError):
        os._exit(0)
