"""A second run for a test that would fail: what is gone in it was first use, and fails nobody."""

from __future__ import annotations

from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from unjam.integrations.pytest_plugin.summary import PROPERTY
from unjam.integrations.pytest_plugin.watcher import COLD, FOUND
from unjam.integrations.pytest_plugin.wording import HELD


class Warming:
    """Runs tests as pytest does, and those that fail for their loop alone once more, with fresh fixtures."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run one test, once or twice; the second run is the one that is reported, unless it fails otherwise."""
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if _for_its_loop_alone(reports):
            reports = _again(item, nextitem, reports)
        for report in reports:
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


def _again(item: pytest.Item, nextitem: pytest.Item | None, first: list[Any]) -> list[Any]:
    cold = item.stash[COLD] = item.stash[FOUND]
    item.stash[FOUND] = {}
    item.user_properties[:] = [(name, value) for name, value in item.user_properties if name != PROPERTY]
    second = runtestprotocol(item, nextitem=nextitem, log=False)
    del item.stash[COLD]
    if any(report.failed for report in second) and not _for_its_loop_alone(second):
        return first  # it cannot be run twice: the first run stands
    gone = [(PROPERTY, line) for key, line in cold.items() if key not in item.stash[FOUND]]
    second[-1].user_properties += gone
    return second


def _for_its_loop_alone(reports: list[Any]) -> bool:
    failed = [report for report in reports if report.failed]
    return bool(failed) and all(str(report.longrepr).startswith(HELD) for report in failed)
