"""For how long, in each stretch of a loop between two rests, the loop's thread and the one that watches it had no CPU.

A mark costs two reads: each gives the GIL away, so that more would be a stall of their own beside threads that compute.
"""

import os
import threading
import time

TASKS = "/proc/self/task"
SCHEDSTAT = "schedstat"

told: list[str] = []
"""A line for each stretch that has ended."""
_here = threading.local()
_watching: dict[int, list[int]] = {}
"""Descriptors of those who watch, by the process that opened them: a fork's child has its own."""


def mark() -> None:
    """End a stretch of this thread, and begin the next."""
    now = (time.monotonic() * 1e3, _without_cpu_ms(_own()), max(map(_without_cpu_ms, _watchers()), default=0.0))
    before, _here.mark = getattr(_here, "mark", None), now
    if before is not None:
        told.append("stretch " + " ".join(f"{after - then:.1f}" for after, then in zip(now, before, strict=True)))


def _without_cpu_ms(file: int) -> float:
    """Milliseconds that a thread was ready and did not run; 0 where it has ended or the system does not tell."""
    try:
        return int(os.pread(file, 96, 0).split()[1]) / 1e6
    except OSError:
        return 0.0


def _own() -> int:
    if getattr(_here, "process", 0) != os.getpid():
        _here.process, _here.file = os.getpid(), _opened(f"{TASKS}/{threading.get_native_id()}/{SCHEDSTAT}")
        vars(_here).pop("mark", None)
    return _here.file


def _watchers() -> list[int]:
    """The thread that is named so, else all that Python does not know of: one of them watches."""
    if os.getpid() not in _watching:
        known = {thread.native_id for thread in threading.enumerate()}
        others = [each for each in _threads() if int(each) not in known]
        watching = [each for each in others if "watchdog" in _name(each)] or others
        _watching[os.getpid()] = [_opened(f"{TASKS}/{each}/{SCHEDSTAT}") for each in watching]
    return _watching[os.getpid()]


def _threads() -> list[str]:
    try:
        return os.listdir(TASKS)
    except OSError:
        return []


def _name(tid: str) -> str:
    try:
        with open(f"{TASKS}/{tid}/comm") as file:
            return file.read()
    except OSError:
        return ""


def _opened(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
