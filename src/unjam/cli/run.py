"""Watch a program, and report at its end what held its event loop.

The program keeps its terminal, its input and output, its signals and its exit code; the report goes to the standard error.
Any command that ends in CPython 3.11 or newer can be watched: a script, `-m module`, a console script such as uvicorn or
gunicorn with its workers, pytest, a shell script that starts Python.

    unjam run -- uvicorn app:app --workers 2
    unjam run --threshold 20ms --json report.json -- python main.py
    unjam run --fail-on UJ1,UJ2 -- pytest

exit code: the program's own (killed by a signal: the same signal). With --fail-on, 1 where the program itself succeeded and
one of those rules was found. 2 where nothing could be started, or where the command succeeded but ran no Python at all.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from unjam.children import child_environment
from unjam.cli import child
from unjam.cli.output import check_writable, drop_stdout, say, say_fault
from unjam.cli.selection import chosen, parse_selection
from unjam.errors import UnjamError, UsageError
from unjam.knowledge.allowing import allowed_by
from unjam.model.durations import parse_duration
from unjam.model.project import project_of
from unjam.model.session import Session
from unjam.model.settings import Settings, parse_dump_after
from unjam.recording import folder as recordings

SETTLE_S = 1.0
"""How long after the command's end its other processes may take to write their last lines; who runs on is named."""

POLL_S = 0.02


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.usage = "unjam run [options] -- COMMAND ..."
    parser.add_argument("--threshold", metavar="TIME", help="a stall is at least this long (50ms)")
    parser.add_argument("--json", metavar="FILE", nargs="?", const="-", help="write the report as JSON too (-: stdout)")
    parser.add_argument("--live", action="store_true", help="a line on stderr as each stall passes the threshold")
    parser.add_argument("--out", metavar="DIR", default=recordings.ROOT, help="folder of the recordings (.unjam)")
    parser.add_argument(
        "--src", metavar="DIR", action="append", default=[], help="folder of your own code (repeatable)"
    )
    parser.add_argument("--fail-on", metavar="RULES", action="append", default=[], help="UJ104, UJ1, a cause, or all")
    parser.add_argument(
        "--dump-after", metavar="TIME", help="record who waits for whom when a stall lasts so long (10s; 0: never)"
    )
    parser.add_argument("--track-locks", action="store_true", help="record who holds which lock, for unjam hang")
    parser.add_argument("--quiet", action="store_true", help="print no report")
    parser.add_argument("-m", dest="module", metavar="MODULE", nargs=argparse.REMAINDER, help="as python -m MODULE ...")
    parser.add_argument("-c", dest="code", metavar="CODE", nargs=argparse.REMAINDER, help="as python -c CODE ...")
    parser.add_argument("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    """Check everything that the user typed, then run the program, then report."""
    words = _command(options)
    settings = _settings(options)
    codes = parse_selection(options.fail_on)
    if options.json is not None:
        check_writable(options.json)
    command = child.resolve(words, os.environ)
    program = program_name(words)
    folder = _folder(program, options.out)
    try:
        ended = child.run(command, _environ(settings, folder))
    except UsageError:
        _discard(folder)
        raise
    ours = _after(options, codes, program, folder, ended)
    return child.end_like(ended.code) if ended.code else ours


def _command(options: argparse.Namespace) -> list[str]:
    words: list[str] = options.command[options.command[:1] == ["--"] :]
    for flag, rest in (("-m", options.module), ("-c", options.code)):
        if rest is not None:
            words = [flag, *rest]
    if not words or not words[0] or words in (["-m"], ["-c"]):
        raise UsageError("no command to run: unjam run [options] -- COMMAND ...")
    return words


def program_name(words: Sequence[str]) -> str:
    """What people call a command: the script or module where it begins with a Python, else the program; a base name."""
    first = Path(words[0]).name
    if not first.startswith(("python", "-")):
        return first
    rest = iter(words[first.startswith("python") :])
    for word in rest:
        if word == "-m":
            return next(rest, "python")
        if word in {"-W", "-X"}:
            next(rest, None)
        elif word.startswith("-c"):
            break
        elif not word.startswith("-"):
            return Path(word).name
    return "python"


def _folder(program: str, root: str) -> str:
    """Make the recording's folder; "" with one line where it cannot be made, as the program does not depend on it."""
    try:
        return recordings.create(program, root=root)
    except OSError as error:
        say(f"cannot record in {root}: {error.strerror}: the program runs unwatched (--out DIR names another folder)")
        return ""


def _settings(options: argparse.Namespace) -> Settings:
    """What the options say, for those that are not given the environment, and after that `[tool.unjam]`."""
    for own in options.src:
        if not Path(own).is_dir():
            raise UsageError(f"--src {own}: there is no such folder")
    here = project_of(Path.cwd())
    allowed_by(here)  # what cannot be is refused before the program runs, not after it
    settings = Settings.from_environ(os.environ, here)
    if options.threshold is not None:
        settings = settings.replace(threshold_ns=parse_duration(options.threshold, what="--threshold"))
    if options.dump_after is not None:
        settings = settings.replace(dump_after_ns=parse_dump_after(options.dump_after, what="--dump-after"))
    return settings.replace(
        src=tuple(options.src) or settings.src,
        live=options.live or settings.live,
        track_locks=options.track_locks or settings.track_locks,
    )


def _environ(settings: Settings, folder: str) -> Mapping[str, str]:
    """The child's environment: ours, and where there is a folder to record in, the monitor in each Python below."""
    if not folder:
        return os.environ
    return child_environment(
        os.environ,
        folder=folder,
        threshold_ns=settings.threshold_ns,
        src=settings.src,
        live=settings.live,
        tier=settings.tier,
        dump_after_ns=settings.dump_after_ns,
        track_locks=settings.track_locks,
    )


def _after(options: argparse.Namespace, codes: frozenset[str], program: str, folder: str, ended: child.Ended) -> int:
    """Report; returns our part of the exit code. The program has ended: nothing here may change how."""
    try:
        if folder:
            session = _session(folder, ended)
            return _report(options, codes, session) if _anything(session) else _nothing(program, folder)
    except UnjamError as error:
        say(str(error))
    except BrokenPipeError:
        drop_stdout()
    except KeyboardInterrupt:
        say(f"interrupted before the report was complete: unjam report {folder} shows it")
    except Exception as error:  # noqa: BLE001  the program's exit code stands, whatever our fault is
        say_fault(error)
    return 2 if codes else 0


def _anything(session: Session) -> bool:
    """Whether there is something to tell: a process that was watched, or one that could not be and said why."""
    return bool(session.pids or session.not_observed)


def _nothing(program: str, folder: str) -> int:
    _discard(folder)
    say(f"nothing that {program} ran was a Python that can be watched: CPython 3.11 or newer, not with -I, -S or -E")
    return 2


def _discard(folder: str) -> None:
    """Remove a recording without a process, so that `unjam report` still finds the last one with something in it."""
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def _report(options: argparse.Namespace, codes: frozenset[str], session: Session) -> int:
    from unjam.cli.session import publish

    publish(session, json=options.json, quiet=options.quiet, stream=sys.stderr)
    return 1 if chosen(session.findings, codes) else 0


def _session(folder: str, ended: child.Ended) -> Session:
    # Only now: the program is not to wait at its start for what makes the report.
    from unjam.cli.session import load

    left = _settle(folder)
    # A full disk loses the exit code of the report's heading, which is in the session all the same.
    with contextlib.suppress(OSError):
        recordings.write_meta(folder, {"exit_code": ended.code, "pid": ended.pid, "ended_ns": ended.at_ns})
    session = replace(load(folder), exit_code=ended.code)
    still = tuple(f"pid {pid} still runs: what it does from now on is not in this report" for pid in left)
    return replace(session, not_observed=session.not_observed + still)


def _settle(folder: str) -> list[int]:
    """Wait until no process writes to the recording any more, but not long; returns the pids of those that still do."""
    deadline = time.monotonic() + SETTLE_S
    while (left := recordings.writers(folder)) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return left
