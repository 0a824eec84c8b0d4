"""Which processes are meant: by pid with all watched ones below it, by name, or the only one there is."""

from __future__ import annotations

import os
from pathlib import Path

from unjam.control.address import find_sockets
from unjam.control.client import NoSuchProcess
from unjam.errors import UsageError


def choose(pid: int | None = None, name: str | None = None) -> list[int]:
    """Return the pids that are meant, at least one; a pid that is not watched is returned as it is.

    Raises UsageError where nothing or too much fits, NoSuchProcess for a pid that is none.
    """
    if pid is not None:
        if not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            raise NoSuchProcess(pid)
        below = [other for other in find_sockets() if pid in ancestors(other)]
        return [pid, *below] if find_sockets(pid) or not below else below
    watched = sorted(find_sockets())
    fitting = [other for other in watched if name is None or name in names(other)]
    # A worker bears the name of who started it: `uvicorn --workers` has them made by multiprocessing.
    fitting = fitting or [other for other in watched if any(name in names(each) for each in ancestors(other))]
    if len(fitting) == 1 or (fitting and name is not None):
        return fitting
    if not watched:
        raise UsageError("no watched process of yours runs here; start one by: unjam run -- COMMAND, or give a PID")
    listed = ", ".join(f"{other} ({title(other)})" for other in watched[:20])
    if not fitting:
        raise UsageError(f"no watched process is called {name!r}; there are: {listed}")
    raise UsageError(f"which one? Give a PID or --name: {listed}")


def ancestors(pid: int) -> list[int]:
    """Return the parents of a process, nearest first; iterative, and safe against one that ends meanwhile."""
    found: list[int] = []
    at = pid
    while at > 1 and len(found) < 1000:  # noqa: PLR2004  # deeper than any tree of processes
        try:
            status = Path(f"/proc/{at}/stat").read_bytes()
            at = int(status.rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
        found.append(at)
    return found


def command(pid: int) -> list[str]:
    """Return the command line of a process, empty where it cannot be read."""
    try:
        data = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(word) for word in data.split(b"\0") if word]


def names(pid: int) -> set[str]:
    """Return the names by which a process may be called: program, script and module, with and without their ending."""
    words = command(pid)
    plain = [Path(word).name for word in words[:3] if not word.startswith("-")]
    after_m = [words[at + 1] for at, word in enumerate(words[:-1]) if word == "-m"]
    return {*plain, *(Path(word).stem for word in plain), *after_m}


def title(pid: int) -> str:
    """Return what tells a process from others in a list: script or module."""
    words = [Path(word).name for word in command(pid) if not word.startswith("-")]
    return " ".join(words[1:3] if len(words) > 1 else words[:1]) or "?"
