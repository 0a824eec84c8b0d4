"""From a recording's folder to the session that reports are made from."""

from __future__ import annotations

import datetime as dt
import tokenize
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from unjam.cli.output import page_for, save, show
from unjam.diagnosis.allowances import Allowances
from unjam.diagnosis.diagnose import diagnose
from unjam.knowledge.allowing import allowed_by
from unjam.model.project import project_of
from unjam.model.session import Session
from unjam.recording.reader import read
from unjam.reports import renderer

LARGEST_SOURCE = 5_000_000
"""Bytes of a source file that is read for its lines: a larger one is data."""


def load(folder: str) -> Session:
    """Read and diagnose a recording; raises RecordingError where it cannot be read."""
    recording = read(folder)
    program, cwd = (value if isinstance(value := recording.meta.get(key), str) else "" for key in ("program", "cwd"))
    session = diagnose(recording, source=source_below(cwd), allowances=allowed_in(cwd))
    return replace(session, program=program or session.program)


def allowed_in(cwd: str) -> Allowances:
    """What the project in which the program was started allows. Raises UsageError for settings that cannot be."""
    if not cwd:
        return Allowances()
    project = project_of(cwd)
    return Allowances(allowed_by(project), project.root or cwd, dt.datetime.now(tz=dt.UTC).date())


def source_below(cwd: str) -> Callable[[str], tuple[str, ...] | None]:
    """A reader of source files, which takes relative names from the folder in which the program was started."""

    def source(file: str) -> tuple[str, ...] | None:
        path = Path(cwd, file)
        try:
            if not path.is_file() or path.stat().st_size > LARGEST_SOURCE:
                return None
            with tokenize.open(path) as text:
                return tuple(text.read().splitlines())
        except (OSError, SyntaxError, ValueError):  # unreadable, of no known encoding, or not in the one it names
            return None

    return source


def publish(session: Session, *, json: str | None, quiet: bool, stream: TextIO) -> None:
    """Write the terminal report to a stream unless that is quiet, and the JSON report where it is wanted."""
    if not quiet:
        show(renderer("terminal")(session, page_for(stream)), stream)
    if json is not None:
        save(renderer("json")(session), json)
