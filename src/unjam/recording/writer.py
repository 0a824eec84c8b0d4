"""The file of one watched process: opened once, appended to by single writes, never a reason to fail."""

from __future__ import annotations

import os
import sys

if sys.platform != "win32":
    import fcntl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

HIGH_FD = 200
"""Programs that close or reuse low descriptors by number rarely reach this far, and every sane limit allows it."""


def open_process_file(folder: str | os.PathLike[str], pid: int) -> int:
    """Make the file of this process in the recording; returns an O_APPEND descriptor that a new program does not inherit.

    Raises OSError. A process that replaced itself by exec, or another with the same number in another namespace, has made
    `<pid>.jsonl` already: then it is `<pid>.1.jsonl` and so on.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
    for name in _names(pid):
        try:
            fd = os.open(os.path.join(folder, name), flags, 0o600)
        except FileExistsError:
            continue
        return _out_of_the_way(fd)
    raise AssertionError("unreachable: the names never end")


def write_line(fd: int, line: bytes) -> bool:
    """Append one line by one write; False where it was lost (disk full, closed, not a file of ours any more)."""
    try:
        return os.write(fd, line) == len(line)
    except OSError:
        return False


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
