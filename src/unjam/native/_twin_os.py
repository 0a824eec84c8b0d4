"""What the operating system says of a thread: CPU time, run-queue delay, the system call it waits in and on what.

Everything is read from `/proc` of the own process and by clocks that name a thread by its number, so a thread that has ended in
the meantime gives None, never a crash. Elsewhere than on Linux everything is None: not measured.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from unjam.native import _twin_syscalls as syscalls

LINUX = sys.platform == "linux"

LONGEST_PATH = 200
"""Bytes read of a path that a system call names."""

Answer = TypeVar("Answer")

_NAMES = syscalls.names(os.uname().machine) if LINUX else {}


class SystemCall(NamedTuple):
    """The system call a thread waits in: `name` is "" where the thread runs outside of one."""

    name: str
    args: tuple[int, ...] = ()


def listen(returned: Callable[[int], None] | None) -> None:
    """Have `returned` called after each call of the system made here, with how long it took in nanoseconds; None: nobody any more.

    Such a call lets the GIL go, and comes back when it is given again.
    """
    global _returned  # noqa: PLW0603 -- there is one watchdog in a process
    _returned = returned


_returned: Callable[[int], None] | None = None


def patiently(call: Callable[..., Answer], *args: object) -> Answer:
    """Make a call of the system, and tell whoever listens how long it took."""
    began = time.monotonic_ns()
    try:
        return call(*args)
    finally:
        returned = _returned  # which the end of the watchdog takes away at any time
        if returned is not None:
            returned(time.monotonic_ns() - began)


def cpu_ns(tid: int) -> int | None:
    """CPU time of a thread so far."""
    if not LINUX:
        return None
    try:
        # The clock of a thread by number: CPUCLOCK_PERTHREAD | CPUCLOCK_SCHED, linux/include/linux/posix-timers_types.h
        return time.clock_gettime_ns(~tid << 3 | 6)
    except OSError:
        return None


def run_delay_ns(tid: int) -> int | None:
    """How long a thread has wanted a CPU and not had one so far."""
    fields = _read_line(f"/proc/self/task/{tid}/schedstat").split()
    return int(fields[1]) if len(fields) == 3 and fields[1].isdigit() else None  # noqa: PLR2004 -- Documentation/scheduler/sched-stats


def system_call(tid: int) -> SystemCall | None:
    """The system call in which a thread waits now; None where that cannot be read."""
    fields = _read_line(f"/proc/self/task/{tid}/syscall").split()
    if not fields:
        return None
    if not fields[0].isdigit():
        return SystemCall("")
    number = int(fields[0])
    return SystemCall(_NAMES.get(number, f"syscall {number}"), tuple(int(field, 16) for field in fields[1:7]))


def waits_for_gil(call: SystemCall) -> bool:
    """Whether it waits for a lock that is part of the interpreter itself; every other lock lives on the heap."""
    return call.name == "futex" and any(low <= call.args[0] < high for low, high in _interpreter_data())


def target(call: SystemCall) -> tuple[int | None, str]:
    """The descriptor that a system call waits on, if it does, and what is behind it."""
    if call.name in syscalls.FD_FIRST and call.args:
        return call.args[0], describe_fd(call.args[0])
    if call.name in {"poll", "ppoll"}:
        return _polled(*call.args[:2])
    if call.name == "futex":
        return None, "futex"
    if call.name in {"wait4", "waitid"}:
        return None, "process"
    position = syscalls.PATH_ARGUMENT.get(call.name)
    if position is not None:
        path = _memory(call.args[position], LONGEST_PATH).partition(b"\0")[0]
        return None, f"file {os.fsdecode(path)}" if path else ""
    return None, ""


def describe_fd(fd: int) -> str:
    """What a descriptor of this process leads to: "tcp 127.0.0.1:5432", "file /var/lib/x.db", "pipe", "unix"."""
    try:
        link = patiently(os.readlink, f"/proc/self/fd/{fd}")
    except OSError:
        return ""
    kind, _, rest = link.partition(":")
    if kind == "socket":
        return _socket(rest.strip("[]"))
    return kind if kind in {"pipe", "anon_inode"} else f"file {link}"


def throttled_ns() -> int | None:
    """How long the CPU quota of our cgroup has held us back so far; None where there is no quota."""
    values = dict(
        line.split() for path in _cgroup_stat_paths() for line in _read(path).splitlines() if line.count(" ") == 1
    )
    if not int(values.get("nr_periods", 0)):
        return None
    return int(values["throttled_usec"]) * 1000 if "throttled_usec" in values else int(values.get("throttled_time", 0))


def _cgroup_stat_paths() -> list[str]:
    for line in _read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        root = "/sys/fs/cgroup" if not controllers else f"/sys/fs/cgroup/{controllers}"
        if not controllers or "cpu" in controllers.split(","):
            # In a container the path is the host's, and our own cgroup is mounted as the root.
            paths = (f"{root}{path.rstrip('/')}/cpu.stat", f"{root}/cpu.stat")
            return [next((p for p in paths if os.path.exists(p)), "")]
    return []


def _socket(inode: str) -> str:
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        row = _row_of(f"/proc/self/net/{kind}", f" {inode} ")
        if row:
            return f"{kind[:3]} {_address(row.split()[2])}"
    return "unix" if _row_of("/proc/self/net/unix", f" {inode}") else "socket"


def _row_of(path: str, text: str) -> str:
    table = _read(path)
    at = table.find(text)
    return table[table.rfind("\n", 0, at) + 1 : table.find("\n", at)] if at >= 0 else ""


def _address(text: str) -> str:
    """An address as the kernel's tables write it: the bytes of each 32-bit word in the order of the machine."""
    words, _, port = text.partition(":")
    packed = b"".join(int(words[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(words), 8))
    if packed[:12] == bytes(10) + b"\xff\xff":
        packed = packed[12:]
    if len(packed) == 4:  # noqa: PLR2004 -- IPv4
        return f"{'.'.join(map(str, packed))}:{int(port, 16)}"
    return f"[{':'.join(f'{int.from_bytes(packed[i : i + 2]):x}' for i in range(0, 16, 2))}]:{int(port, 16)}"


def _polled(address: int, count: int) -> tuple[int | None, str]:
    """The single descriptor of a poll(2): struct pollfd starts with the descriptor as an int."""
    if count != 1:
        return None, f"{count} descriptors"
    fd = int.from_bytes(_memory(address, 4), sys.byteorder)
    return fd, describe_fd(fd)


def _interpreter_data() -> list[tuple[int, int]]:
    if not _INTERPRETER_DATA:
        _INTERPRETER_DATA.extend(_find_interpreter_data())
    return _INTERPRETER_DATA


_INTERPRETER_DATA: list[tuple[int, int]] = []


def _find_interpreter_data() -> list[tuple[int, int]]:
    """The address ranges of the static data of the executable and of libpython: where the GIL's lock lives.

    Zero-initialised data is the nameless mapping that follows the named one.
    """
    ranges: list[tuple[int, int]] = []
    end = 0
    executable = os.path.realpath("/proc/self/exe")
    for line in _read("/proc/self/maps").splitlines():
        span, _, _, _, inode, *path = line.split(None, 5)
        low, high = (int(part, 16) for part in span.split("-"))
        named = bool(path) and (path[0] == executable or "/libpython" in path[0])
        if named or (inode == "0" and not path and low == end):
            ranges.append((low, high))
            end = high
    return ranges


def _memory(address: int, size: int) -> bytes:
    """Bytes of our own memory at an address that a system call was given; empty where it is gone."""
    try:
        fd = patiently(os.open, "/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return patiently(os.pread, fd, size, address)
    except (OSError, OverflowError):
        return b""
    finally:
        patiently(os.close, fd)


def _read(path: str) -> str:
    """A small file of `/proc` or `/sys`; empty where it is not there or not for us."""
    return _with_file(path, lambda fd: b"".join(iter(lambda: patiently(os.read, fd, 1 << 16), b"")))


def _read_line(path: str) -> str:
    """One of a single line, which one read takes: each call of the system lets the GIL go, and whoever computes must give it back."""
    return _with_file(path, lambda fd: patiently(os.read, fd, 1024))


def _with_file(path: str, read: Callable[[int], bytes]) -> str:
    if not LINUX:
        return ""
    try:
        fd = patiently(os.open, path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return read(fd).decode("ascii", "replace")
    except OSError:
        return ""
    finally:
        patiently(os.close, fd)
