"""The file of one watched process: opened once, appended to by single writes, never a reason to fail."""

from __future__ import annotations

import os
import sys

if sys.platform != "win32":
    import fcntl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

HIGH_FD = 200
"""Programs that close or reuse low descriptors by number rarely reach this far, and every sane limit allows it."""


class ProcessFile:
    """The file of this process; `fd` is an O_APPEND descriptor that a program started by exec does not inherit.

    The program may close the descriptor, and get the same number for a file of its own: before each use it is made sure
    that it is still ours, and where it is not, the file is opened anew.
    """

    def __init__(self, folder: str | os.PathLike[str], pid: int) -> None:
        """Make the file in the recording. Raises OSError.

        A process that replaced itself by exec, or another with the same number in another namespace, has made
        `<pid>.jsonl` already: then it is `<pid>.1.jsonl` and so on.
        """
        self._path, fd = _create(folder, pid)
        self.fd = _out_of_the_way(fd)
        self._identity = _identity(self.fd)

    @property
    def is_ours(self) -> bool:
        """Whether the descriptor still leads to our file."""
        return self.fd >= 0 and _identity(self.fd) == self._identity

    def write(self, line: bytes) -> bool:
        """Append one line by one write; False where it was lost: the disk is full, or the file is gone."""
        try:
            if not self.is_ours:
                self.fd = _out_of_the_way(os.open(self._path, FLAGS))
            return self.is_ours and os.write(self.fd, line) == len(line)
        except OSError:
            return False

    def reopened(self) -> BinaryIO:
        """The file, to be read from its beginning. Raises OSError."""
        return open(self._path, "rb")

    def close(self) -> None:
        """Close the descriptor, if it is still ours to close."""
        if self.is_ours:
            os.close(self.fd)
        self.fd = -1


FLAGS = os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)


def _create(folder: str | os.PathLike[str], pid: int) -> tuple[str, int]:
    for name in _names(pid):
        path = os.path.join(os.path.abspath(folder), name)
        try:
            return path, os.open(path, FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
    raise AssertionError("unreachable: the names never end")


def _identity(fd: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _names(pid: int) -> Iterator[str]:
    yield f"{pid}.jsonl"
    number = 0
    while True:
        number += 1
        yield f"{pid}.{number}.jsonl"


def _out_of_the_way(fd: int) -> int:
    if sys.platform == "win32":  # pragma: no cover
        return fd
    try:
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH_FD)
    except OSError:
        high = fd
    else:
        os.close(fd)
    try:
        fcntl.flock(high, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        pass  # A file system without locks only loses the protection against pruning.
    return high
