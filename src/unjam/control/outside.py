"""Reading a process that was not prepared: by the standard library of its own interpreter (3.14+), else by py-spy.

Both only read its memory: threads and their frames, and from 3.14 on the tasks. Locks, futures, queues and pools cannot be
seen, so nothing is proved.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from unjam.errors import NotAvailable
from unjam.model.findings import Grade
from unjam.model.waits import Edge, Graph, Line, Node

TIMEOUT_S: Final = 15.0
SCRIPT: Final = """
import json, sys
if sys.version_info < (3, 14): sys.exit(4)
from _remote_debugging import RemoteUnwinder
reader = RemoteUnwinder(int(sys.argv[1]), all_threads=True)
def frame(f):
    return [f.filename, getattr(f, "lineno", None) or getattr(getattr(f, "location", None), "lineno", 0) or 0, f.funcname]
groups = [getattr(each, "threads", None) or [each] for each in reader.get_stack_trace()]
threads = [[t.thread_id, [frame(f) for f in t.frame_info or ()]] for group in groups for t in group]
tasks = []
for group in reader.get_all_awaited_by():
    for t in group.awaited_by:
        stack = [frame(f) for c in t.coroutine_stack for f in c.call_stack]
        tasks.append([t.task_id, t.task_name, stack, [c.task_name for c in t.awaited_by]])
print(json.dumps({"python": sys.version.split()[0], "threads": threads, "tasks": tasks}))
"""
"""Runs in an interpreter of the target's own version; a constant: nothing is written into it (private API, 3.14 and 3.15)."""

UNSEEN: Final = "locks, futures, queues and pools: only a process under `unjam run` or unjam.install() shows them"


def read_from_outside(pid: int) -> tuple[Graph, str]:
    """Return what can be read of a process without its help, and by which way; raises NotAvailable with every reason."""
    if other := _other_interpreter(pid):
        raise NotAvailable(f"process {pid} runs {other}, not CPython: nothing here reads it")
    reasons = []
    for way, name in ((_by_stdlib, "read by its interpreter's remote debugging"), (_by_py_spy, "read by py-spy")):
        try:
            return way(pid), name
        except NotAvailable as error:
            reasons.append(str(error))
    raise NotAvailable(
        f"process {pid} is not watched by unjam and cannot be read from outside: {'; '.join(reasons)}. {_inside(pid) or 'Start it by `unjam run`'}"
    )


def _other_interpreter(pid: int) -> str:
    """Return the name of a Python that is none of CPython's, "" for any other program: one that embeds CPython has any name."""
    try:
        name = Path(os.readlink(f"/proc/{pid}/exe")).name.lower()
    except OSError:
        return ""
    return next((other for prefix, other in _OTHERS if name.startswith(prefix)), "")


_OTHERS: Final = (("pypy", "PyPy"), ("graalpy", "GraalPy"), ("micropython", "MicroPython"))


def _inside(pid: int) -> str:
    """Say how to ask inside the container of a process, "" where it is in none (NSpid, proc_pid_status(5))."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return ""
    numbers = next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid")), [])
    return f"It is process {numbers[-1]} of a container: run `unjam` inside it with that number" if numbers[1:] else ""


def _by_stdlib(pid: int) -> Graph:
    try:
        program = os.readlink(f"/proc/{pid}/exe")
    except OSError as error:
        raise NotAvailable(rights(pid) or f"/proc/{pid}/exe: {error.strerror}") from error
    if not _may_run(program, pid):
        raise NotAvailable(
            f"{program} is not run here: it could be put there by another user; ask as the process's own user"
        )
    if "python" not in Path(program).name:
        raise NotAvailable(f"{Path(program).name} is not a Python interpreter")
    done = _run([program, "-I", "-S", "-c", SCRIPT, str(pid)])
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["remote debugging needs Python 3.14"])[-1]
        raise NotAvailable("remote debugging needs Python 3.14" if done.returncode == 4 else rights(pid) or last)  # noqa: PLR2004
    data = json.loads(done.stdout)
    threads = [(str(tid), f"thread {_thread_name(pid, tid)}", frames) for tid, frames in data["threads"]]
    return _graph(pid, data["python"], threads, data["tasks"], (UNSEEN,))


def _may_run(program: str, pid: int) -> bool:
    """Say whether an interpreter may be run: nobody but us and root can put another in its place, or it is our own process."""
    mine = {0, os.geteuid()}
    try:
        if os.stat(f"/proc/{pid}").st_uid == os.geteuid():
            return True
        found = [os.lstat(place) for place in (Path(program), *Path(program).parents)]
    except OSError:
        return False
    return all(each.st_uid in mine and (not each.st_mode & 0o022 or each.st_mode & stat.S_ISVTX) for each in found)


def _by_py_spy(pid: int) -> Graph:
    beside = Path(sysconfig.get_path("scripts"), "py-spy")
    program = str(beside) if beside.exists() else shutil.which("py-spy")
    if program is None:
        raise NotAvailable("py-spy is not installed (pip install 'unjam[attach]')")
    done = _run([program, "dump", "--pid", str(pid), "--json"])
    if done.returncode:
        first = (done.stderr.strip().splitlines() or ["it failed"])[0]
        raise NotAvailable(rights(pid) or f"py-spy: {first.removeprefix('Error: ')}")
    threads = [
        (
            str(t["os_thread_id"] or t["thread_id"]),
            f"thread {t['thread_name'] or t['thread_id']}{' (holds the GIL)' if t['owns_gil'] else ''}",
            [[f["filename"], f["line"], f["name"]] for f in t["frames"]],
        )
        for t in json.loads(done.stdout)
    ]
    return _graph(pid, "", threads, [], ("tasks: py-spy sees threads only", UNSEEN))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        # The commands are constants, an interpreter that the user runs already, and a number.
        return subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotAvailable(f"{Path(command[0]).name}: {error}") from error


def _graph(
    pid: int,
    python: str,
    threads: Iterable[tuple[str, str, list[Any]]],
    tasks: list[Any],
    not_observed: tuple[str, ...],
) -> Graph:
    """Make a graph of stacks that are given innermost first."""
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []
    stacks: list[tuple[Line, ...]] = []

    def stack(frames: list[Any]) -> int:
        stacks.append(tuple((str(file), int(line), str(name)) for file, line, name in reversed(frames)))
        return len(stacks) - 1

    for key, label, frames in threads:
        nodes[f"thread:{key}"] = Node(f"thread:{key}", "thread", label, "all", stack=stack(frames))
    for number, name, frames, awaiters in tasks:
        coroutine = frames[-1][2] if frames else ""
        label = f"task '{name}'" + (f" ({coroutine})" if coroutine else "")
        nodes[f"task:{number}"] = Node(
            f"task:{number}", "task", label, "all", stack=stack(frames), facts={"coroutine": coroutine}
        )
        edges += [
            Edge(f"task:{awaiter}", f"task:{number}", "waits for", Grade.SUSPECTED, "awaits it") for awaiter in awaiters
        ]
    known = tuple(edge for edge in edges if edge.source in nodes and edge.target in nodes)
    return Graph(
        pid, python, time.monotonic_ns(), nodes=nodes, edges=known, stacks=tuple(stacks), not_observed=not_observed
    )


def _thread_name(pid: int, tid: int) -> str:
    if pid == tid:
        return "MainThread"
    try:
        return Path(f"/proc/{pid}/task/{tid}/comm").read_text().strip() or str(tid)
    except OSError:
        return str(tid)


def rights(pid: int) -> str:
    """Name the rule that keeps us from reading a process and the way out, "" where none is known to."""
    try:
        owner = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return f"process {pid} is gone"
    if os.geteuid() not in {0, owner}:
        return f"it belongs to user {owner}, you are user {os.geteuid()}: ask as that user or as root"
    if os.geteuid() == 0 and not _has_ptrace():
        return "root without CAP_SYS_PTRACE, as in a container: start it with --cap-add SYS_PTRACE"
    try:
        scope = int(Path("/proc/sys/kernel/yama/ptrace_scope").read_text())
    except (OSError, ValueError):
        scope = 0
    if scope and not _has_ptrace():
        return f"Yama forbids it (kernel.yama.ptrace_scope is {scope}): ask as root, or set it to 0"
    return ""


def _has_ptrace() -> bool:
    """Whether we have CAP_SYS_PTRACE, bit 19 (linux/capability.h)."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return sys.platform != "linux"
    effective = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff")), "0")
    return bool(int(effective, 16) >> 19 & 1)
