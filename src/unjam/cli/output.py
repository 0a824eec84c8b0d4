"""What the command line writes, and to where: lines of its own, reports, files."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from unjam.errors import UsageError
from unjam.reports.text import safe

if TYPE_CHECKING:
    from unjam.reports.page import Page  # it needs rich, and most commands can fail before that

STDOUT = "-"
"""The file name that stands for the standard output."""

NARROWEST, WIDEST = 40, 120
"""Columns of a page: below, nothing lines up any more; above, a line is too long to be read."""


def say(text: str) -> None:
    """Write one line of our own to the standard error; where nobody reads it, it is lost."""
    with contextlib.suppress(OSError):
        show(f"unjam: {safe(text)}\n", sys.stderr)


def say_fault(error: Exception) -> None:
    """Tell a fault of our own in one line; UNJAM_DEBUG=1 raises it, to show where it is."""
    if os.environ.get("UNJAM_DEBUG"):
        raise error
    say(f"{type(error).__name__}: {error} (this is a fault of unjam; UNJAM_DEBUG=1 shows where)")


def show(text: str, stream: TextIO) -> None:
    """Write text to a stream, and what its encoding lacks as escapes. Raises BrokenPipeError where nobody reads it."""
    encoding = stream.encoding or "ascii"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def open_missing() -> None:
    """Give our standard streams a place to go where whoever started us has closed them."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  open to the end
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  open to the end


def drop_stdout() -> None:
    """Send what Python would still flush at its end to nowhere: the reader of the pipe has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def colored(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether colours are wanted: NO_COLOR, then FORCE_COLOR, then a terminal that is not dumb (no-color.org)."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in {"", "0"}:
        return True
    return stream.isatty() and environ.get("TERM", "") != "dumb"


def columns(stream: TextIO) -> int:
    """Columns of a page: of the terminal, or of COLUMNS, or 80."""
    try:
        wide = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        wide = 0
    return min(max(wide or shutil.get_terminal_size().columns, NARROWEST), WIDEST)


def page_for(stream: TextIO) -> Page:
    """The page that suits a stream."""
    from unjam.reports.page import Page

    cwd = ""
    with contextlib.suppress(FileNotFoundError):  # somebody has removed the folder we are in
        cwd = str(Path.cwd())
    return Page(width=columns(stream), color=colored(stream, os.environ), cwd=cwd)


def save(text: str, file: str) -> None:
    """Write a file, or the standard output for `-`; raises UsageError where it cannot be written."""
    if file == STDOUT:
        show(text, sys.stdout)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from None


def check_writable(file: str) -> None:
    """Raise UsageError now where a file could not be written later; it is left as it is."""
    path = Path(file)
    if file == STDOUT:
        return
    existed = path.exists()
    try:
        path.open("ab").close()
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from None
    if not existed:
        path.unlink()
