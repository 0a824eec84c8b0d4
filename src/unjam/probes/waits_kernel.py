"""What the kernel says of a waiting thread: the lock it waits on, whether that wait ends by itself, whether it has moved."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from unjam.native.thread_numbers import number_of
from unjam.probes.waits_read import own_dict

State: TypeAlias = Literal["futex", "call", "running", "unreadable"]

_MACHINE = os.uname().machine if hasattr(os, "uname") else ""
FUTEX: Final = {"x86_64": 202, "aarch64": 98}.get(_MACHINE, -1)
"""The number of futex(2) (asm/unistd_64.h, asm-generic/unistd.h)."""


@dataclass(frozen=True, slots=True)
class KernelWait:
    """Where a thread is. `address` is that of the futex; `timed` says that the kernel will end the wait by itself."""

    state: State
    address: int = 0
    timed: bool = False


def native_id(thread: Any) -> int | None:
    """Return the kernel's number of a thread that a Thread object stands for; None where it is not known."""
    return number_of(thread, own_dict(thread).get("_native_id"))


def kernel_wait(tid: int) -> KernelWait:
    """Read /proc/self/task/TID/syscall (proc(5)): number, six arguments, stack pointer, program counter; or `running`."""
    data = _proc(tid, "syscall")
    if data is None:
        return KernelWait("unreadable")
    words = data.split()
    if len(words) < 5:  # noqa: PLR2004  # "running"
        return KernelWait("running")
    if int(words[0]) != FUTEX:
        return KernelWait("call")
    return KernelWait("futex", int(words[1], 16), int(words[4], 16) != 0)


def times_run(tid: int) -> int | None:
    """Return how often the scheduler has run a thread: unchanged means that it did not move. None where not readable."""
    fields = (_proc(tid, "schedstat") or b"").split()
    return int(fields[2]) if len(fields) == 3 else None  # noqa: PLR2004


def _proc(tid: int, name: str) -> bytes | None:
    core: Any = sys.modules.get("unjam.native._core")
    if core is not None:  # it keeps the GIL meanwhile, which each of three calls here would give up
        found: bytes | None = core.read_of_thread(tid, name)
        return found
    try:
        fd = os.open(f"/proc/self/task/{tid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, 256)
    except OSError:
        return None
    finally:
        os.close(fd)
