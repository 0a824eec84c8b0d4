"""Hooks for gunicorn: each worker watches itself, and one that is killed by its time-out leaves the culprit in the log.

    gunicorn -c python:unjam.integrations.gunicorn app:app

or, in a configuration of your own:

    from unjam.integrations.gunicorn import *
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from unjam import monitor
from unjam.failure import report_failure
from unjam.integrations.last_stall import LastStall, last_stall
from unjam.integrations.web.tracker import current
from unjam.model.origins import Origins
from unjam.recording.folder import create
from unjam.telling import shortest

__all__ = ["child_exit", "post_fork", "post_worker_init", "pre_fork", "worker_abort"]

FLUSH_S = 0.5
"""How long a worker that is told to abort waits for its own last lines; gunicorn kills it a second later."""

_folders: dict[int, str] = {}
"""The recording of each arbiter, by its pid: all workers of one write into one folder."""


def pre_fork(server: Any, worker: Any) -> None:
    """In the arbiter, before each worker: make the folder of the recording, once."""
    del worker
    watched = monitor.current()
    if server.pid in _folders:
        return
    folder = os.environ.get("UNJAM_DIR") or (watched.settings.folder if watched is not None else "")
    try:
        _folders[server.pid] = folder or create("gunicorn")
    except OSError as error:
        report_failure("the workers of gunicorn are not recorded", error)


def post_fork(server: Any, worker: Any) -> None:
    """In each worker: watch it, unless it is watched already."""
    del worker
    folder = _folders.get(server.pid)
    monitor.install(folder=folder, record=folder is not None)


def post_worker_init(worker: Any) -> None:
    """In each worker, when its signals are set: uvicorn's leaves SIGABRT at its default, so that `worker_abort` were not called."""
    if signal.getsignal(signal.SIGABRT) is signal.SIG_DFL:
        signal.signal(signal.SIGABRT, lambda *_: _abort(worker))


def worker_abort(worker: Any) -> None:
    """In a worker whose time is over, in its main thread: log what it was at."""
    try:
        worker.log.critical("unjam: worker %s is out of time%s", os.getpid(), _what(sys._getframe(1)))  # noqa: SLF001 -- the frame at work
    except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
        report_failure("what the worker was at is not known", error)


def child_exit(server: Any, worker: Any) -> None:
    """In the arbiter: where a worker could not tell any more, because native code kept the GIL, its recording does."""
    try:
        stall = _recorded(_folders.get(server.pid, ""), worker.pid) if worker.aborted else None
        if stall is not None and not stall.orderly:
            server.log.critical("unjam: worker %s died %s", worker.pid, _held(stall))
    except Exception as error:  # noqa: BLE001 -- the observer never breaks the host
        report_failure("what the worker was at is not known", error)


def _abort(worker: Any) -> None:
    """Tell, and then die of the signal as one would have without us."""
    worker_abort(worker)
    signal.signal(signal.SIGABRT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGABRT)


def _what(frame: FrameType | None) -> str:
    watched, request = monitor.current(), current()
    stall = None
    if watched is not None:
        watched.flush(FLUSH_S)
        stall = _recorded(watched.settings.folder, os.getpid())
        watched.end("abort")
    within = f", in {request.route}" if request is not None else ""
    return f", {_held(stall)}{within}" if stall is not None else f", {_at(frame)}{within}"


def _recorded(folder: str, pid: int) -> LastStall | None:
    return last_stall(folder, pid) if folder else None


def _held(stall: LastStall) -> str:
    return f"after it had held its loop for {stall.seconds:.1f} s or longer {stall.place}"


def _at(frame: FrameType | None) -> str:
    """The innermost line of the user's own code, in a worker without a loop."""
    watched = monitor.current()
    origins = Origins.of(watched.header()) if watched is not None else None
    while frame is not None and origins is not None:
        file = frame.f_code.co_filename
        if origins.owner(file) == "user" and Path(monitor.__file__).parent not in Path(file).parents:
            return f"at {shortest(file)}:{frame.f_lineno} {frame.f_code.co_qualname}"
        frame = frame.f_back
    return "at no line of yours"
