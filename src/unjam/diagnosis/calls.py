"""System calls as causes: what the kernel says a thread waits for, where no frame says better."""

from __future__ import annotations

from unjam.diagnosis.events import Group

_SLEEP = frozenset({"nanosleep", "clock_nanosleep", "pause", "rt_sigtimedwait", "rt_sigsuspend"})
_CHILD = frozenset({"wait4", "waitid", "waitpid", "clone", "clone3", "vfork", "fork", "execve"})
_ALONE = {**dict.fromkeys(_SLEEP, "UJ101"), **dict.fromkeys(_CHILD, "UJ107"), "futex": "UJ201"}
"""System calls that tell the rule whatever their target is."""
_POLL = frozenset({"poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait", "epoll_pwait2"})
_SOCKET = frozenset(
    {
        *(
            "connect",
            "accept",
            "accept4",
            "recvfrom",
            "recvmsg",
            "recvmmsg",
            "sendto",
            "sendmsg",
            "sendmmsg",
            "recv",
            "send",
            "shutdown",
        ),
    }
)
_FILE = frozenset(
    {
        *(
            "open",
            "openat",
            "openat2",
            "creat",
            "close",
            "stat",
            "lstat",
            "fstat",
            "newfstatat",
            "statx",
            "statfs",
            "fstatfs",
            "access",
        ),
        *(
            "faccessat",
            "faccessat2",
            "readlink",
            "readlinkat",
            "getdents",
            "getdents64",
            "getcwd",
            "lseek",
            "fsync",
            "fdatasync",
            "sync",
        ),
        *(
            "syncfs",
            "sync_file_range",
            "flock",
            "fcntl",
            "ftruncate",
            "truncate",
            "fallocate",
            "rename",
            "renameat",
            "renameat2",
            "unlink",
        ),
        *(
            "unlinkat",
            "mkdir",
            "mkdirat",
            "rmdir",
            "link",
            "linkat",
            "symlink",
            "symlinkat",
            "chmod",
            "fchmod",
            "fchmodat",
            "chown",
        ),
        *(
            "fchown",
            "fchownat",
            "utimensat",
            "sendfile",
            "copy_file_range",
            "splice",
            "pread64",
            "pwrite64",
            "preadv",
            "pwritev",
            "msync",
        ),
        *("getxattr", "setxattr", "listxattr", "io_uring_enter", "io_getevents", "inotify_add_watch"),
    }
)
_DATA = frozenset({"read", "write", "readv", "writev", "ioctl"})
_DNS_PORTS = (":53",)
_DATABASE_PORTS = (":5432", ":3306", ":6379", ":27017", ":1433", ":1521", ":11211", ":9042")
_DATABASE_SOCKETS = ("PGSQL", "mysql", "redis", "postgres")


def rule_of(group: Group) -> str:
    """The rule that a wait in that system call on that target is, "" where the kernel alone does not tell."""
    call, target = group.system_call, group.target
    if target == "futex" or call in _ALONE:
        return _ALONE.get(call, "UJ201")
    by_target = _by_target(target, group.descriptor)
    if by_target and call in _DATA | _POLL | _SOCKET | {"close", "ioctl", ""}:
        return by_target
    if call in _SOCKET:
        return "UJ103"
    if call in _FILE:
        return "UJ102"
    # A poll without any descriptor is a sleep.
    return "UJ101" if call in _POLL and group.descriptor is None and not target else ""


def _by_target(target: str, descriptor: int | None) -> str:
    kind = target.partition(" ")[0]
    if kind in {"tcp", "tcp6"}:
        return "UJ106" if target.endswith(_DATABASE_PORTS) else "UJ105" if target.endswith(_DNS_PORTS) else "UJ103"
    if kind in {"udp", "udp6"}:
        return "UJ105" if target.endswith(_DNS_PORTS) else "UJ103"
    if kind == "unix":
        return "UJ106" if any(name in target for name in _DATABASE_SOCKETS) else "UJ103"
    if _is_console(target, descriptor):
        return "UJ108"
    if kind == "pipe":
        return "UJ103"
    return "UJ102" if kind == "file" else ""


def _is_console(target: str, descriptor: int | None) -> bool:
    return (
        "/dev/pts/" in target
        or "/dev/tty" in target
        or (descriptor == 0 and target.startswith(("pipe", "tty", "char")))
    )


def is_stream(group: Group) -> bool:
    """Whether the descriptor is no file on a disk: then a record for file work is about something else."""
    return group.target.startswith(("tcp", "udp", "unix", "pipe", "tty")) or _is_console(group.target, group.descriptor)
