"""What the end of the run tells: the worst stalls and the allowances that are litter, of all workers of xdist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from unjam.integrations.pytest_plugin.limits import is_warm

if TYPE_CHECKING:
    import datetime as dt

    from unjam.model.allowances import Allow
    from unjam.model.project import Project
    from unjam.watching import Watch

WORST = 10
"""Stalls told in the summary: the rest is counted. On a busy machine those that are nobody's are many."""

PROPERTY = "unjam"
"""The JUnit property of each stall, which is also how the workers of xdist hand theirs on."""

OUTPUT = "unjam"
"""Under which name a worker hands the rest on."""


def begin_summary(config: pytest.Config) -> Summary:
    """Gather from now on what the end of the run will tell."""
    summary = Summary(config)
    config.pluginmanager.register(summary, "unjam-summary")
    return summary


FIRST_USE = "first use? --unjam-warm runs what failed here once more: what only the first run had fails nobody"

COLOURS = "unjam-colours"
"""The name under which the plugin below is registered."""


class Colours:
    """Colours our failures where they will be shown; a run in which nothing fails does without its hook."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Have the text of a failure of ours written in its colours."""
        from unjam.integrations.pytest_plugin.wording import Coloured, is_ours

        if report.failed and is_ours(report.longrepr):
            path, line, _ = report.location
            report.longrepr = Coloured(str(report.longrepr), (path, (line or 0) + 1))


def colour_failures(config: pytest.Config) -> None:
    """A test is about to fail by us."""
    if not config.pluginmanager.has_plugin(COLOURS):
        config.pluginmanager.register(Colours(), COLOURS)


class Summary:
    """Gathers over the run. In a worker of xdist it hands on, in the process that the user started it tells."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._used: dict[str, None] = {}
        self._notices: dict[str, None] = {}

    def note(self, watch: Watch | None, allow: tuple[Allow, ...]) -> None:
        """Remember which allowances a test needed, and which of its own are litter."""
        used: set[str] = set()
        if watch is not None and watch.anything:
            session = watch.session
            used = {each.by for each in session.allowed} if session else set()
            self._keep(self._notices, (n for n in (session.notices if session else ()) if not _is_of_table(n)))
        elif allow:
            from unjam.model.allowances import litter

            self._keep(self._notices, litter(allow, (), _today(), unused="nothing in this run used it"))
        self._keep(self._used, used)

    def _keep(self, into: dict[str, None], more: Iterable[str]) -> None:
        into.update(dict.fromkeys(more))

    def pytest_sessionfinish(self) -> None:
        """A worker hands on what it has gathered."""
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[OUTPUT] = {"used": list(self._used), "notices": list(self._notices)}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self) -> None:
        """Failures will come from a worker of xdist."""
        colour_failures(self._config)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker hands on; one that has crashed hands on nothing."""
        output = getattr(node, "workeroutput", {}).get(OUTPUT, {})
        self._keep(self._used, output.get("used", ()))
        self._keep(self._notices, output.get("notices", ()))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tell the worst stalls, and the litter."""
        told = list(_told(terminalreporter))
        notices = [*self._notices, *self._litter()]
        if not told and not notices:
            return
        terminalreporter.section("unjam: what held event loops")
        for _, test, text in _ordered(told, terminalreporter)[:WORST]:
            terminalreporter.line(f"{text}  ({test})")
        if len(told) > WORST:
            terminalreporter.line(f"and {len(told) - WORST} more")
        if _any_held(terminalreporter) and not is_warm(self._config):
            terminalreporter.line(FIRST_USE)
        for notice in notices:
            terminalreporter.line(f"allowance: {notice}", yellow=True)

    def _litter(self) -> Iterator[str]:
        from unjam.errors import UsageError
        from unjam.model.project import project_of

        try:
            project = project_of(self._config.invocation_params.dir)
            if "allow" in project.table:
                yield from self._unused(project)
        except UsageError:
            return  # the first test that needed it has said so

    def _unused(self, project: Project) -> Iterator[str]:
        from unjam.knowledge.allowing import allowed_by
        from unjam.model.allowances import litter

        tables = allowed_by(project)
        used = [allow for allow in tables if allow.name in self._used]
        yield from litter(tables, used, _today(), unused="nothing in this run used it")


def _told(reporter: Any) -> Iterator[tuple[float, str, str]]:
    for reports in reporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "teardown":
                for name, text in report.user_properties:
                    if name == PROPERTY:
                        yield float(text.partition(" ")[0]), report.nodeid, text


def _ordered(told: list[tuple[float, str, str]], reporter: Any) -> list[tuple[float, str, str]]:
    """What tests failed for first, what is nobody's last, and the longest first of each."""
    from unjam.integrations.pytest_plugin.wording import NOBODYS

    failing = set(_failing(reporter))

    def rank(line: tuple[float, str, str]) -> tuple[bool, bool, float]:
        ms, test, text = line
        return (test, text) not in failing, NOBODYS in text, -ms

    return sorted(told, key=rank)


def _failing(reporter: Any) -> Iterator[tuple[str, str]]:
    """The tests that failed, each with the lines of what held its loop: in the failure, or in the section beside one of its own."""
    from unjam.integrations.pytest_plugin.wording import HELD

    for report in _failed(reporter):
        texts = (str(report.longrepr), *(text for _, text in report.sections))
        yield from ((report.nodeid, line) for text in texts if text.startswith(HELD) for line in text.splitlines())


def _failed(reporter: Any) -> Iterator[Any]:
    return (report for kind in ("failed", "error") for report in reporter.stats.get(kind, ()))


def _any_held(reporter: Any) -> bool:
    """Whether a test failed for its loop."""
    from unjam.integrations.pytest_plugin.wording import HELD

    return any(str(report.longrepr).startswith(HELD) for report in _failed(reporter))


def _is_of_table(notice: str) -> bool:
    """Whether it is about a table of the settings: what those are worth is known at the end of the run only."""
    return notice.startswith("[[tool.unjam.allow]]")


def _today() -> dt.date:
    import datetime as dt

    return dt.datetime.now(tz=dt.UTC).date()
