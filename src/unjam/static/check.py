"""The static half in one call: files in, Result out, from the cache where nothing has changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from unjam.model.allowances import is_over
from unjam.static import cache, checker
from unjam.static.config import Config
from unjam.static.project import Project
from unjam.static.result import Result


@dataclass(frozen=True, slots=True)
class Options:
    """How one check is made; `today` decides which allowances have expired."""

    today: dt.date
    tests: bool = False
    libraries: bool = True
    """Whether to follow calls into installed packages."""
    fresh: bool = False
    """Whether to leave out what the cache holds."""


def check(
    project: Project,
    options: Options,
    config: Config | None = None,
    say: Callable[[str], None] = lambda _text: None,
) -> Result:
    """Check a project; `say` is told what takes long. Raises NotAvailable and FactsError."""
    settings = config or Config()
    key = cache.key_of(project, settings, options.tests, options.libraries, checker.state())
    kept: Result | None = None if options.fresh else cache.load("results", key)
    if kept is not None and not is_over(kept.holds_until, options.today):
        return kept
    if not project.files:
        return Result(str(project.root), skipped=dict(project.skipped))
    run = asked(project)
    try:
        # Imported here: an unchanged project is answered without what analyses it, and the type checker works while it is loaded.
        from unjam.static.analysis import analysed

        result = analysed(project, options, settings, say, run)
    finally:
        run.close()
    cache.save("results", key, result)
    return result


def asked(project: Project) -> checker.Run:
    """Start the type checker on a project; whoever asks closes it. Raises NotAvailable."""
    sites = (*project.site_packages, checker.stubs(cache.folder()))
    return checker.Run(checker.Request(project.files, project.roots, sites, project.python_version))
