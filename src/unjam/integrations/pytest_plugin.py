"""The pytest plugin: a test that holds its event loop fails, with the line that held it.

Off unless `--unjam` is given or `unjam = true` stands in the ini file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from unjam.errors import UsageError

if TYPE_CHECKING:
    from unjam.model.findings import Finding
    from unjam.watching import Watch

MARK = "unjam"
WORST = 10
"""Stalls told in the summary: the rest is counted."""

HARNESS = ("_pytest", "pluggy", "pytest_asyncio", "anyio/pytest_plugin", "pdb.py", "bdb.py", "coverage")
"""Parts of paths of what runs tests or looks into them: time spent below those is not the test's."""

FIRST_CALL_ONLY = frozenset({"UJ305"})
"""An import happens once in a process, in whichever test comes first: it is told in the summary and fails nobody."""

PROPERTY = "unjam"
"""The JUnit property of each stall, which is also how the workers of xdist hand theirs on."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one test may do: `max_block` as "50ms", or nothing is watched (`off`)."""

    max_block: str
    off: bool
    fixtures: bool


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("unjam", "blocked event loops")
    group.addoption("--unjam", action="store_true", default=None, help="fail tests that hold an event loop")
    group.addoption("--unjam-max-block", metavar="TIME", help="how long a test may hold a loop at a stretch (50ms)")
    group.addoption("--unjam-fixtures", action="store_true", help="count what set-up and tear-down do, too")
    parser.addini("unjam", "fail tests that hold an event loop", type="bool", default=False)
    parser.addini("unjam_max_block", "how long a test may hold a loop at a stretch", default="50ms")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; where the plugin is on, watch this process from now on."""
    config.addinivalue_line(
        "markers",
        'unjam(max_block="50ms", fixtures=False, off=False, reason=""): how long a test may hold its event loop at a stretch',
    )
    if _is_on(config):
        from unjam.monitor import install

        _parsed(_default_max_block(config), "--unjam-max-block")
        install(threshold=_default_max_block(config), record=False, log=False)
        config.pluginmanager.register(Watcher(config), "unjam-watcher")


class Watcher:
    """The hooks of a run in which the plugin is on."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Set-up counts only where it is asked for."""
        return (yield from self._watched(item, counts=limits(item).fixtures))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """The body of the test."""
        return (yield from self._watched(item, counts=True))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """As set-up."""
        return (yield from self._watched(item, counts=limits(item).fixtures))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tell the worst stalls of the run, those of the workers of xdist included."""
        told = sorted(_told(terminalreporter), key=lambda line: -line[0])
        if not told:
            return
        terminalreporter.section("unjam: what held event loops")
        for _, test, text in told[:WORST]:
            terminalreporter.line(f"{text}  ({test})")
        if len(told) > WORST:
            terminalreporter.line(f"and {len(told) - WORST} more")

    def _watched(self, item: pytest.Item, *, counts: bool) -> Generator[None, Any, Any]:
        allowed = limits(item)
        if allowed.off or not counts:
            return (yield)
        watch = _watch(allowed.max_block)
        with watch:
            result = yield
        self._judge(item, watch)
        return result

    def _judge(self, item: pytest.Item, watch: Watch) -> None:
        found = [finding for finding in watch.findings if not _is_harness(finding)]
        for finding in found:
            item.user_properties.append((PROPERTY, _line(finding)))
        failing = [finding for finding in found if finding.rule not in FIRST_CALL_ONLY]
        if failing:
            verbose = self._config.get_verbosity() > 0
            pytest.fail(failure_text(failing, max_block=limits(item).max_block, verbose=verbose), pytrace=False)


@pytest.fixture
def unjam(request: pytest.FixtureRequest) -> Callable[[], Watch]:
    """Watching a part of the test by hand: what is returned makes a watch, `findings` are known after its `with` block.

    The threshold is the test's own limit; with the plugin off it watches all the same.
    """
    max_block = limits(request.node).max_block
    return lambda: _watch(max_block)


def limits(item: Any) -> Limits:
    """What the test may do, by its marker or the defaults. Raises pytest.UsageError for a marker that says something else."""
    default = _default_max_block(item.config)
    fixtures = bool(item.config.getoption("--unjam-fixtures"))
    mark = item.get_closest_marker(MARK)
    if mark is None:
        return Limits(default, off=False, fixtures=fixtures)
    unknown = set(mark.kwargs) - {"max_block", "fixtures", "off", "reason"}
    if mark.args or unknown:
        what = f"{min(unknown)}=" if unknown else "a value without a name"
        raise pytest.UsageError(
            f"{item.nodeid}: @pytest.mark.unjam takes max_block=, fixtures=, off= and reason=, not {what}"
        )
    if mark.kwargs.get("off") and not mark.kwargs.get("reason"):
        raise pytest.UsageError(f"{item.nodeid}: @pytest.mark.unjam(off=True) needs a reason=")
    max_block = str(mark.kwargs.get("max_block", default))
    _parsed(max_block, f"{item.nodeid}: max_block")
    return Limits(max_block, off=bool(mark.kwargs.get("off")), fixtures=bool(mark.kwargs.get("fixtures", fixtures)))


def failure_text(findings: list[Finding], *, max_block: str, verbose: bool) -> str:
    """Why the test fails: each finding with its line, what it did and what to do; with `verbose` also the chain and the proof."""
    head = f"this test held its event loop for longer than {max_block}"
    return "\n\n".join([head, *("\n".join(_paragraph(finding, verbose=verbose)) for finding in findings)])


def _paragraph(finding: Finding, *, verbose: bool) -> Iterator[str]:
    from unjam.telling import source_lines

    yield _line(finding)
    culprit = finding.culprit
    lines = source_lines(culprit.file) if culprit else None
    if culprit and lines and culprit.line <= len(lines):
        yield f"    {culprit.line} | {lines[culprit.line - 1].strip()}"
    if verbose:
        yield from (f"    in {_relative(link.file)}:{link.line} {link.function}" for link in finding.chain if link.file)
        yield from (f"    proof: {evidence.text}" for evidence in finding.evidence)
    remedies = finding.remedies if verbose else finding.remedies[:1]
    yield from (f"    do: {remedy.text} (costs: {remedy.cost})" for remedy in remedies)
    if finding.rule:
        yield f"    more: unjam explain {finding.rule}"


def _line(finding: Finding) -> str:
    where = "nothing of yours"
    if finding.culprit:
        where = f"{_relative(finding.culprit.file)}:{finding.culprit.line} in {finding.culprit.function}"
    leaf = f", {finding.leaf}" if finding.leaf else ""
    times = f" {finding.count} times, longest {finding.max_ms:.0f} ms" if finding.count > 1 else ""
    once = " (first call only)" if finding.rule in FIRST_CALL_ONLY else ""
    return f"{finding.total_ms:.0f} ms  {finding.rule} {finding.cause}  {where}{leaf}{times}{once}"


def _told(reporter: Any) -> Iterator[tuple[float, str, str]]:
    for reports in reporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") == "teardown":
                for name, text in report.user_properties:
                    if name == PROPERTY:
                        yield float(text.partition(" ")[0]), report.nodeid, text


def _is_harness(finding: Finding) -> bool:
    inner = finding.chain[-1].file if finding.chain else ""
    return any(part in inner for part in HARNESS)


def _watch(max_block: str) -> Watch:
    from unjam.watching import watch

    return watch(threshold=max_block)


def _relative(file: str) -> str:
    return min(os.path.relpath(file), file, key=len)


def _is_on(config: pytest.Config) -> bool:
    asked = config.getoption("--unjam")
    return bool(config.getini("unjam")) if asked is None else bool(asked)


def _default_max_block(config: pytest.Config) -> str:
    return str(config.getoption("--unjam-max-block") or config.getini("unjam_max_block"))


def _parsed(max_block: str, what: str) -> None:
    from unjam.model.durations import parse_duration

    try:
        parse_duration(max_block, what=what)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
