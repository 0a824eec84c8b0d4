"""The asking side: finds the socket of a process, makes sure who answers, and reads one reply."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import Any, Final, NamedTuple

from unjam.control.address import find_sockets, start_ticks
from unjam.control.server import LONGEST_REPLY, VERSION, peer
from unjam.errors import NotAvailable

DEADLINE_S: Final = 10.0
"""For a whole answer: longer than any collection, shorter than patience."""

ENDING_S: Final = 2.0
"""Between the end of a socket and that of its process: it ends threads and loops meanwhile; longer, and it lives on unwatched."""


class NoSuchProcess(NotAvailable):
    """There is no such process, or not any more."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        super().__init__(f"process {pid} is gone")


class NotWatched(NotAvailable):
    """The process has no control socket of unjam."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        super().__init__(f"process {pid} is not watched by unjam: it has no control socket")


class NoAnswer(NotAvailable):
    """The process has a control socket and does not answer in time."""

    def __init__(self, pid: int, seconds: float, reason: str = "") -> None:
        self.pid = pid
        super().__init__(
            reason
            or f"process {pid} did not answer within {seconds:g} s: it is stopped, or native code has kept the GIL all that time"
        )


def ask(pid: int, question: str, *, deadline_s: float = DEADLINE_S) -> dict[str, Any]:
    """Ask one process one question; a busy one is asked again until the deadline. Raises NotAvailable with the reason."""
    end = time.monotonic() + deadline_s
    watched = _look_up(pid)
    while True:
        reply = _ask_once(watched, question, end, deadline_s)
        if "ok" in reply and isinstance(reply["ok"], dict):
            return reply["ok"]
        text = str(reply.get("error", "not a reply of unjam"))
        if not text.startswith("busy") or time.monotonic() >= end:
            raise NoAnswer(pid, deadline_s, f"process {pid} answered: {text}")
        time.sleep(min(float(reply.get("retry_ms", 100)) / 1e3, max(0.0, end - time.monotonic())))


class _Watched(NamedTuple):
    """A process, in clock ticks since boot when it began, and its socket."""

    pid: int
    start: int
    path: str


def _look_up(pid: int) -> _Watched:
    """Find its socket; when it began is read first, so that one which ends meanwhile is known to have ended."""
    start = start_ticks(pid)
    if not start:
        raise NoSuchProcess(pid)
    path = find_sockets(pid).get(pid)
    if path is None:
        raise NotWatched(pid)
    return _Watched(pid, start, path)


def _ask_once(watched: _Watched, question: str, end: float, deadline_s: float) -> dict[str, Any]:
    pid, start, path = watched
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.settimeout(max(0.05, end - time.monotonic()))
            sock.connect(path)
            _check_peer(sock, pid)
            sock.sendall(json.dumps({"v": VERSION, "ask": question}).encode() + b"\n")
            line = _read_line(sock, end)
        except BlockingIOError:
            return {"error": "busy: too many connections wait"}
        except TimeoutError as error:
            raise NoAnswer(pid, deadline_s) from error
        except OSError as error:
            if _ended(pid, start, end):
                raise NoSuchProcess(pid) from error
            raise NoAnswer(pid, deadline_s, f"process {pid}: {path}: {error.strerror or error}") from error
    if start_ticks(pid) != start:
        raise NoSuchProcess(pid)
    try:
        reply = json.loads(line)
    except ValueError as error:
        raise NoAnswer(pid, deadline_s, f"process {pid} sent something that is not a reply of unjam") from error
    if not isinstance(reply, dict) or reply.get("v") != VERSION:
        raise NoAnswer(
            pid, deadline_s, f"process {pid} runs another version of unjam, whose replies this one cannot read"
        )
    return reply


def _ended(pid: int, start: int, end: float) -> bool:
    """Say whether a process that broke off has ended: it removes its socket first, and is gone a moment later."""
    end = min(end, time.monotonic() + ENDING_S)
    while start_ticks(pid) == start and time.monotonic() < end:
        time.sleep(0.02)
    return start_ticks(pid) != start


def _check_peer(sock: socket.socket, pid: int) -> None:
    """Make sure that the process itself answers, and nobody who put a socket of that name there."""
    owner, uid = peer(sock)
    if owner != pid or uid not in {os.geteuid(), _uid_of(pid)}:
        raise NoAnswer(
            pid, 0, f"the control socket of process {pid} is answered by process {owner} of user {uid}: not trusted"
        )


def _uid_of(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return -1


def _read_line(sock: socket.socket, end: float) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while not pieces or not pieces[-1].endswith(b"\n"):
        sock.settimeout(max(0.01, end - time.monotonic()))
        if time.monotonic() > end:
            raise TimeoutError
        piece = sock.recv(1 << 18)
        size += len(piece)
        if not piece or size > LONGEST_REPLY + 1:
            raise OSError("the connection was closed before the whole reply")
        pieces.append(piece)
    return b"".join(pieces)
