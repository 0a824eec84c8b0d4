"""Where recordings live: making the folder of one, finding the newest, pruning the old.

A program that calls `unjam.install()` imports this, so what only some of it needs is imported there.
"""

from __future__ import annotations

import os
import sys
import time

from unjam.errors import RecordingError
from unjam.model.lines import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

if sys.platform != "win32":
    import fcntl

ROOT = ".unjam"
"""The folder of all recordings, below the working directory."""

KEPT = 20
"""Recordings that pruning leaves: enough to compare with last week, few enough to forget about."""

FRESH_S = 60.0
"""A folder younger than this is never pruned: its first process may not have opened its file yet."""

META = "meta.json"


def create(program: str, *, root: str | os.PathLike[str] = ROOT) -> str:
    """Make the folder of a new recording (0700) and prune old ones; returns its absolute path.

    `program` is what it is named after. Raises OSError where it cannot be made.
    """
    root = os.path.abspath(root)
    os.makedirs(root, mode=0o700, exist_ok=True)
    _ignore_in_git(root)
    folder = _make_unique(os.path.join(root, f"{_utc_now()}-{_safe_name(program)}"))
    write_meta(folder, {"v": 1, "program": program, "started": time.time(), "cwd": os.getcwd()})
    prune(root)
    return folder


def write_meta(folder: str | os.PathLike[str], values: dict[str, Any]) -> None:
    """Merge `values` into the recording's meta.json, atomically. Raises OSError where it cannot be written."""
    path = os.path.join(folder, META)
    merged = read_meta(folder) | values
    temporary = f"{path}.{os.getpid()}"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(encode(merged))
    os.replace(temporary, path)


def read_meta(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The recording's meta.json; empty where it is missing or garbage."""
    try:
        with open(os.path.join(folder, META), encoding="utf-8") as file:
            import json

            meta = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return meta if isinstance(meta, dict) else {}


def recordings(root: str | os.PathLike[str] = ROOT) -> list[str]:
    """The folders of all recordings below `root`, oldest first."""
    try:
        with os.scandir(root) as entries:
            found = [
                entry.path for entry in entries if entry.is_dir(follow_symlinks=False) and entry.name[:8].isdigit()
            ]
    except OSError:
        return []
    return sorted(found)


def newest(root: str | os.PathLike[str] = ROOT) -> str:
    """The folder of the newest recording below `root`; raises RecordingError where there is none."""
    found = recordings(root)
    if not found:
        raise RecordingError(f"no recording in {os.fspath(root)}: make one with `unjam run -- COMMAND`")
    return found[-1]


def prune(root: str | os.PathLike[str] = ROOT, *, keep: int = KEPT) -> None:
    """Remove all but the newest `keep` recordings, never one that a process still writes to."""
    for folder in recordings(root)[:-keep]:
        if not in_use(folder):
            # Another run may be pruning the same folders, and an old one that cannot be removed harms nobody.
            try:
                _remove(folder)
            except OSError:
                pass


def _remove(folder: str) -> None:
    """Remove a recording: it has files only. Raises OSError where that cannot be; what else somebody has put there stays."""
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    os.rmdir(folder)


def in_use(folder: str | os.PathLike[str]) -> bool:
    """Whether a watched process holds one of its files, or the folder is too young to tell."""
    try:
        if time.time() - os.stat(folder).st_mtime < FRESH_S:
            return True
    except OSError:
        return False
    return bool(writers(folder))


def writers(folder: str | os.PathLike[str]) -> list[int]:
    """The pids of the watched processes that still hold their file of a recording."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    files = [name for name in names if name.endswith(".jsonl") and name.partition(".")[0].isdecimal()]
    return sorted({int(name.partition(".")[0]) for name in files if _held(os.path.join(folder, name))})


def _held(path: str) -> bool:
    if sys.platform == "win32":  # pragma: no cover - Windows refuses to remove an open file anyway
        return False
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def _ignore_in_git(root: str) -> None:
    try:
        with open(os.path.join(root, ".gitignore"), "x", encoding="ascii") as file:
            file.write("*\n")
    except FileExistsError:
        pass


def _make_unique(wanted: str) -> str:
    folder, number = wanted, 1
    while True:
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            number += 1
            folder = f"{wanted}-{number}"
        else:
            return folder


def _utc_now() -> str:
    now = time.time()
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"


def _safe_name(program: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in os.path.basename(program))
    return kept[:60] or "program"
