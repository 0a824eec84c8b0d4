"""The hooks around each test of a run in which the plugin is on."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from _pytest.skipping import xfailed_key

from unjam.integrations.pytest_plugin.cases import case_of, watch_method
from unjam.integrations.pytest_plugin.limits import (
    MARK,
    Limits,
    counts_fixtures,
    default_max_block,
    hang_s_of,
    is_marked,
    is_warm,
    judges,
    limits_of,
)
from unjam.integrations.pytest_plugin.summary import PROPERTY, Summary, begin_summary, colour_failures
from unjam.integrations.pytest_plugin.tracing import is_traced

if TYPE_CHECKING:
    from unjam.model.findings import Finding
    from unjam.watching import Stretches, Watch

Key: TypeAlias = tuple[str, str, int]

FOUND: pytest.StashKey[dict[Key, str]] = pytest.StashKey()
"""What would fail the test in the present run of it, with its line for the case that it is first use."""

COLD: pytest.StashKey[dict[Key, str]] = pytest.StashKey()
"""The same of the first run, where this is the second: only what both have fails the test."""


def begin(config: pytest.Config) -> None:
    """Watch this process until the run is over, and have each test judged."""
    from unjam import monitor
    from unjam.watching import Stretches

    settings = monitor.settings_here()
    ours = monitor.current() is None
    monitor.install(threshold=default_max_block(config), src=_own_code(config, settings.src), record=False, log=False)
    watched = monitor.current()
    if watched is None:
        config.issue_config_time_warning(pytest.PytestWarning("unjam: no test is watched, for UNJAM=0 is set"), 2)
    summary = begin_summary(config)
    stretches = Stretches(watched) if watched is not None else None
    config.pluginmanager.register(Watcher(config, summary, stretches), "unjam-watcher")
    if is_warm(config):
        from unjam.integrations.pytest_plugin.warming import Warming

        config.pluginmanager.register(Warming(), "unjam-warming")
    if ours:
        config.add_cleanup(monitor.uninstall)


def _own_code(config: pytest.Config, src: tuple[str, ...]) -> tuple[str, ...] | None:
    """Where the project names its own folders, the tests belong to it as well."""
    return (*src, str(config.rootpath)) if src else None


class Watcher:
    """Watches the parts of each test that count, and judges them."""

    def __init__(self, config: pytest.Config, summary: Summary, stretches: Stretches | None) -> None:
        from unjam.watching import Watch

        self._make_watch = Watch
        self._stretches = stretches
        self._config = config
        self._summary = summary
        self._judges = judges(config)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Read every marker before anything runs: a wrong one is refused at the door (by a worker, at its test)."""
        marked = [item for item in items if is_marked(item)]
        words = {word for item in marked for mark in item.iter_markers(MARK) for word in mark.kwargs}
        if hang_s_of(self._config) or "hang" in words:
            from unjam.integrations.pytest_plugin.hanging import begin_hanging

            begin_hanging(self._config)
        for item in marked if not hasattr(self._config, "workerinput") else ():
            limits_of(item)
        if counts_fixtures(self._config) or "fixtures" in words:
            self._config.pluginmanager.register(FixtureWatcher(self), "unjam-fixtures")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item, phase: str = "call") -> Generator[None, Any, Any]:
        """Watch a part of the test, its body unless `phase` says another, and fail it for what held its loop."""
        own = limits_of(item)
        if own.off or not self._judges:
            return (yield)
        case = case_of(item) if phase == "call" and not own.fixtures else None
        end = self._begin(own) if case is None else watch_method(case, lambda: self._begin(own))
        traced = is_traced()
        try:
            result = yield
        except BaseException:
            watch = end()
            if watch is not None or own.allow:
                self._tell_beside(item, phase, own, self._failing(item, watch, own, traced=traced))
            raise
        watch = end()
        if watch is not None or own.allow:
            failing = self._failing(item, watch, own, traced=traced or is_traced())
            if _is_expected_to_fail(item):
                self._tell_beside(item, phase, own, failing)
            elif failing:
                colour_failures(self._config)
                pytest.fail(self._text(own, failing), pytrace=False)
        return result

    def _begin(self, own: Limits) -> Callable[[], Watch | None]:
        """Watch from now on; returns what ends that, and gives the watch where there is anything to judge."""
        stretches = self._stretches
        if stretches is not None and stretches.sees(own.max_block):
            stretches.begin()
            return lambda: stretches.end(threshold=own.max_block, allow=own.allow)
        watch = self._make_watch(threshold=own.max_block, allow=own.allow, loops=False)
        watch.__enter__()

        def end() -> Watch | None:
            watch.__exit__(None, None, None)
            return watch if watch.anything else None

        return end

    def _failing(self, item: pytest.Item, watch: Watch | None, own: Limits, *, traced: bool) -> list[Finding]:
        """What fails the test; whatever was found is noted for the summary and for JUnit."""
        from unjam.integrations.pytest_plugin.harness import as_of_a_test, fails, is_harness, remark_of
        from unjam.integrations.pytest_plugin.wording import FIRST_CALL, line_of

        self._summary.note(watch, own.allow)
        if watch is None:
            return []
        found = [as_of_a_test(each, str(item.path)) for each in watch.findings if not is_harness(each)]
        failing = [finding for finding in found if fails(finding, max_block_ms=watch.threshold_ms, traced=traced)]
        item.stash.setdefault(FOUND, {}).update({key_of(each): line_of(each, FIRST_CALL) for each in failing})
        cold = item.stash.get(COLD, None)
        for finding in found:
            item.user_properties.append((PROPERTY, line_of(finding, remark_of(finding))))
        return failing if cold is None else [finding for finding in failing if key_of(finding) in cold]

    def _text(self, own: Limits, failing: list[Finding]) -> str:
        from unjam.integrations.pytest_plugin.wording import failure_text

        return failure_text(failing, max_block=own.max_block, verbose=self._config.get_verbosity() > 0)

    def _tell_beside(self, item: pytest.Item, phase: str, own: Limits, failing: list[Finding]) -> None:
        """A test that fails by itself, or that passes against expectation, says beside it what held its loop."""
        if failing:
            item.add_report_section(phase, "unjam", self._text(own, failing))


def _is_expected_to_fail(item: pytest.Item) -> bool:
    """Whether a marker `xfail` holds for it: pytest would take our failure for the one that is expected, and not tell that it passed."""
    return item.stash.get(xfailed_key, None) is not None and not item.config.getoption("runxfail")


class FixtureWatcher:
    """Watches set-up and tear-down of the tests that ask for it; not there where none does."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Set-up counts only where it is asked for."""
        return (yield from self._watcher.pytest_runtest_call(item, "setup")) if limits_of(item).fixtures else (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """As set-up."""
        return (yield from self._watcher.pytest_runtest_call(item, "teardown")) if limits_of(item).fixtures else (yield)


def key_of(finding: Finding) -> Key:
    """What is equal in two runs of a test that do the same."""
    culprit = finding.culprit
    return (finding.rule, culprit.file if culprit else "", culprit.line if culprit else 0)
