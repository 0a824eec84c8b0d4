"""Find blocking calls that the event loop reaches, by reading the source.

PATH is a file or a folder (the current one). Nothing of the project is executed.

exit code: 0 where nothing was found; 1 where something was; 2 for wrong usage, or where nothing could be checked.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
from pathlib import Path

from unjam.cli.ending import cleaned_up
from unjam.cli.output import check_writable, colored, columns, save, say
from unjam.cli.progress import Progress
from unjam.cli.selection import ALL, parse_selection
from unjam.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from unjam.static.config import Config
    from unjam.static.policy import View
    from unjam.static.project import Project, Settings
    from unjam.static.result import Problem, Result

_FORMATS = ("full", "concise", "json", "github", "sarif", "junit")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files and folders (the current folder)")
    shown = parser.add_argument_group("what is shown")
    shown.add_argument("--select", metavar="RULES", action="append", default=[], help="only these (UJ1,UJ204,lock)")
    shown.add_argument("--ignore", metavar="RULES", action="append", default=[], help="all but these")
    shown.add_argument("--notes", action="store_true", help="also what is cheap, rare or only suspected")
    shown.add_argument("--output-format", choices=_FORMATS, default="full", help="how (full)")
    shown.add_argument("--output-file", metavar="FILE", default="-", help="where to (the standard output)")
    shown.add_argument("--statistics", action="store_true", help="count the findings of each rule")
    shown.add_argument("--exit-zero", action="store_true", help="exit with 0 also where there are findings")
    known = parser.add_argument_group("what is known already")
    known.add_argument("--baseline", metavar="FILE", default="", help="do not show what this file lists")
    known.add_argument("--update-baseline", action="store_true", help="write what is found now to the baseline")
    known.add_argument("--with", dest="recording", metavar="RECORDING", help="rank by what this recording measured")
    known.add_argument("--measured", action="store_true", help="rank by what the newest recording measured")
    project = parser.add_argument_group("the project (found without these)")
    project.add_argument("--src", metavar="FOLDER", action="append", default=[], help="where imports start from")
    project.add_argument("--environment", metavar="FOLDER", default="", help="the virtual environment")
    project.add_argument(
        "--exclude", metavar="PATTERN", action="append", default=[], help="files and folders to leave out"
    )
    project.add_argument("--no-libs", action="store_true", help="do not follow calls into installed packages")
    project.add_argument("--no-cache", action="store_true", help="check again also where nothing has changed")
    project.add_argument("--tests", action="store_true", help="test functions are entry points too")


def run(options: argparse.Namespace) -> int:
    """Check, report, and say by the exit code what was found."""
    from unjam.static import config, policy
    from unjam.static.check import Options, check
    from unjam.static.project import found, root_of

    check_writable(options.output_file)
    root = root_of([Path(path).absolute() for path in options.paths] or [Path.cwd()])
    settings = config.read(root)
    view = _view(options, settings)
    project = found(options.paths, _project_settings(options, settings))
    if not project.files:
        raise UsageError(f"no Python file in {', '.join(options.paths) or project.root}")
    today = dt.datetime.now(tz=dt.UTC).date()
    how = Options(today, tests=options.tests, libraries=not options.no_libs, fresh=options.no_cache)
    with cleaned_up(), Progress(sys.stderr) as progress:
        result = check(project, how, settings, progress.say)
    if options.update_baseline:
        return _update(options, settings, result, project)
    if options.recording or options.measured:
        _measure(options, result)
    problems = policy.shown(result, view, settings, project.relative)
    save(_report(options, result, problems), options.output_file)
    if len(result.skipped) == len(project.files) and not result.problems:
        return 2
    return 1 if problems and not options.exit_zero else 0


def _project_settings(options: argparse.Namespace, settings: Config) -> Settings:
    from unjam.static.project import Settings

    return Settings(
        tuple(options.src) or settings.src,
        (*settings.exclude, *options.exclude),
        options.environment or settings.environment,
    )


def _view(options: argparse.Namespace, settings: Config) -> View:
    from unjam.static import policy

    codes = parse_selection(options.select or settings.select or [ALL])
    codes -= parse_selection([*settings.ignore, *options.ignore])
    file = _baseline(options, settings)
    known = policy.load_baseline(file) if file and not options.update_baseline else frozenset()
    return policy.View(codes, options.notes, known)


def _baseline(options: argparse.Namespace, settings: Config) -> str:
    if options.baseline or not settings.baseline:
        return str(options.baseline)
    return str(Path(settings.file).parent / settings.baseline)


def _update(options: argparse.Namespace, settings: Config, result: Result, project: Project) -> int:
    from unjam.static.policy import save_baseline

    file = _baseline(options, settings)
    if not file:
        raise UsageError("--update-baseline needs --baseline FILE, or baseline in [tool.unjam]")
    save_baseline(file, result.problems, project.relative)
    say(f"{file} now lists {len(result.problems)} findings")
    return 0


def _measure(options: argparse.Namespace, result: Result) -> None:
    """Put what a recording measured beside what was found."""
    from unjam.cli.session import load
    from unjam.recording import folder as recordings
    from unjam.static import measured

    session = load(options.recording or recordings.newest())
    measured.joined(result, session.findings)


def _report(options: argparse.Namespace, result: Result, problems: list[Problem]) -> str:
    from unjam.reports.page import Page
    from unjam.reports.source import Shown, rendered
    from unjam.static.project import text_of

    page = Page(columns(sys.stdout), colored(sys.stdout, os.environ) and options.output_file == "-", str(Path.cwd()))
    sources = {path: tuple(text_of(path).splitlines()) for path in {problem.path for problem in problems}}
    return rendered(options.output_format, Shown(result, tuple(problems), page, options.statistics, sources))
