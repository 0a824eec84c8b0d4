"""The pytest plugin: a test that holds its event loop, or that hangs, fails with what did it.

    limits    what a test may do: options, ini, marker
    watcher   the hooks around each test
    cases     what the body of a case of unittest is
    harness   what is no fault of the test: pytest's own doing, tracing, first use
    tracing   whether lines are traced
    wording   the text of a failure, and its colours
    summary   what the end of the run tells, workers of xdist included
    hanging   a test that does not get on ends, and tells who waits for whom
    looking   whether it gets on
    warming   a second run for those that would fail

Off unless `--unjam` is given or `unjam = true` stands in the ini file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from unjam.integrations.pytest_plugin.limits import add_options, check_options, default_max_block, is_on, limits

if TYPE_CHECKING:
    from unjam.watching import Watch


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; where the plugin is on, watch this process from now on."""
    config.addinivalue_line(
        "markers",
        'unjam(max_block="50ms", fixtures=False, allow="UJ102", hang="20s", off=False, reason="", until=None): '
        "what a test may do to its event loop",
    )
    if is_on(config):
        check_options(config)
        _leave_as_written(config)
        from unjam.integrations.pytest_plugin.watcher import begin

        begin(config)


def _leave_as_written(config: pytest.Config) -> None:
    """Take unjam's modules from those whose assertions pytest rewrites, which are all of a plugin's: no test asserts there.

    Where nothing compiled is kept, as in CI, rewriting fifty of them takes a tenth of a second and garbage enough for a collection of
    everything. pytest has no public way to say so; without its private one they are rewritten.
    """
    marked = vars(config.pluginmanager.rewrite_hook).get("_must_rewrite")
    if isinstance(marked, set):
        marked.difference_update({name for name in marked if name.partition(".")[0] == "unjam"})


@pytest.fixture
def unjam(request: pytest.FixtureRequest) -> Callable[[], Watch]:
    """Watching a part of the test by hand: what is returned makes a watch, `findings` are known after its `with` block.

    The threshold is the test's own limit; with the plugin off it watches all the same.
    """
    from unjam.watching import Watch

    check_options(request.config)
    own = limits(request.node) if is_on(request.config) else None
    max_block = own.max_block if own else default_max_block(request.config)
    return lambda: Watch(threshold=max_block, allow=own.allow if own else ())
