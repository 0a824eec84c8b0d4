"""Where the socket of a watched process lies: a private folder of its user, and a name that tells whose it is."""

from __future__ import annotations

import _socket
import os
import stat

from unjam.errors import NotAvailable

LONGEST_PATH = 107
"""Bytes of a Unix socket's path (sockaddr_un.sun_path less its end, unix(7))."""


def start_ticks(pid: int) -> int:
    """Return when a process began, in clock ticks since boot; 0 where that cannot be read."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def parse_name(name: str) -> tuple[int, int] | None:
    """Return pid and start time of a socket's name `PID-START-RANDOM.sock`, None for any other name.

    The start time is in clock ticks since boot (/proc/PID/stat, field 22): a reused pid has another one.
    """
    stem, dot, ending = name.partition(".")
    pid, start, random = [*stem.split("-"), "", ""][:3] if stem.count("-") == 2 else ("", "", "")  # noqa: PLR2004
    right = dot and ending == "sock" and len(random) == 16  # noqa: PLR2004
    return (int(pid), int(start)) if right and pid.isdecimal() and start.isdecimal() else None


def candidates() -> list[str]:
    """Return the folders in which sockets may lie, best first."""
    uid = os.getuid()
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    places = [runtime] if os.path.isabs(runtime) else []
    places.append(f"/run/user/{uid}")
    found = [os.path.join(place, "unjam") for place in places if is_private(place)]
    return [*dict.fromkeys(found), os.path.join(temporary(), f"unjam-{uid}")]


def temporary() -> str:
    """Return the temporary directory without `tempfile`, which is slow to import."""
    wanted = os.environ.get("TMPDIR", "")
    return wanted if os.path.isabs(wanted) and os.path.isdir(wanted) else "/tmp"  # noqa: S108  # verified by is_private


def is_private(folder: str) -> bool:
    """Say whether a folder is ours, no symbolic link, and closed to everybody else."""
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def own_folder() -> str:
    """Make or find the folder for the own socket; raises NotAvailable where none can be had.

    A folder in the temporary directory that somebody else made under our name is left alone: then a new one with a random
    name is used, which the client finds through /proc.
    """
    for folder in candidates():
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            pass  # Whether it is really ours is checked below.
        except OSError:
            continue
        if is_private(folder) and _leaves_room(folder):
            return folder
    name = f"unjam-{os.urandom(8).hex()}"
    folder = os.path.join(temporary(), name)
    if not _leaves_room(folder):
        folder = os.path.join("/tmp", name)  # noqa: S108  # made anew, and closed to everybody else
    try:
        os.mkdir(folder, 0o700)
    except OSError as error:
        raise NotAvailable(
            f"no folder for the control socket: {error}; set XDG_RUNTIME_DIR to a private folder"
        ) from error
    return folder


def _leaves_room(folder: str) -> bool:
    """Say whether the name of a socket fits behind a folder."""
    return len(os.fsencode(folder)) + 60 <= LONGEST_PATH


def socket_name(pid: int) -> str:
    """Return a new name for the socket of a process."""
    return f"{pid}-{start_ticks(pid)}-{os.urandom(8).hex()}.sock"


def sweep(folder: str) -> None:
    """Remove the sockets of processes that are gone: those that were killed could not do so themselves.

    That a process cannot be looked at is no proof: it may be of another pid namespace, or we out of descriptors. That nobody
    listens is one.
    """
    for name in os.listdir(folder):
        owner, path = parse_name(name), os.path.join(folder, name)
        if owner is not None and start_ticks(owner[0]) != owner[1] and is_deserted(path):
            try:
                os.unlink(path)
            except OSError:
                pass  # Somebody else swept it.


def is_deserted(path: str) -> bool:
    """Say whether nobody listens at a socket: only its owner could, and connecting to it disturbs nobody."""
    try:
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC)
    except OSError:
        return False
    try:
        sock.connect(path)
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    finally:
        sock.close()
    return False


def find_sockets(pid: int | None = None) -> dict[int, str]:
    """Return the control sockets of the processes of this user by pid, or of one process only."""
    found: dict[int, str] = {}
    for folder in candidates():
        if not is_private(folder):
            continue
        for name in sorted(os.listdir(folder)):
            owner = parse_name(name)
            if owner is None or (pid is not None and owner[0] != pid):
                continue
            if start_ticks(owner[0]) == owner[1]:
                found.setdefault(owner[0], os.path.join(folder, name))
    if pid is not None and pid not in found and (path := _through_proc(pid)):
        found[pid] = path
    return found


def _through_proc(pid: int) -> str | None:
    """Find the socket of a process among its open descriptors: it may lie in a folder with a random name or of a container."""
    try:
        links = [_link(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
        with open(f"/proc/{pid}/net/unix", encoding="utf-8", errors="surrogateescape") as file:
            rows = [line.split(maxsplit=7) for line in file]
    except OSError:
        return None
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    for row in rows:
        if len(row) == 8 and row[6] in inodes and parse_name(os.path.basename(row[7].rstrip("\n"))):  # noqa: PLR2004
            path = row[7].rstrip("\n")
            return path if os.path.exists(path) else f"/proc/{pid}/root{path}"
    return None


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""  # Closed meanwhile.
