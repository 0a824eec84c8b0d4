"""Laws of the filter for the one warning of a fork: in place for as long as that may take, and for no fork but its own."""

import warnings

import pytest

from unjam.probes import fork_warning
from unjam.probes.fork_warning import ForkWarning

SECOND_NS = 1_000_000_000


@pytest.fixture
def threads(monkeypatch):
    """How many the process seems to have, in a Python that warns."""
    count = [1]
    monkeypatch.setattr(fork_warning, "WARNS", True)
    monkeypatch.setattr(fork_warning, "other_threads", lambda: count[0])
    with warnings.catch_warnings():
        yield count


@pytest.fixture
def clock(monkeypatch):
    """Time that passes when it is told to."""
    now = [0]
    monkeypatch.setattr("time.monotonic_ns", lambda: now[0])
    return now


def forked(warning):
    warning.before_fork()
    warning.hold_back()


def test_a_fork_that_is_held_up_is_not_warned_of(threads, clock):
    """A second between our hooks and the warning changes nothing; afterwards all filters are as they were."""
    before = list(warnings.filters)
    warning = ForkWarning()
    forked(warning)
    clock[0] += SECOND_NS
    warning.let_go()
    assert len(warnings.filters) == len(before) + 1
    clock[0] += 60 * SECOND_NS
    warning.let_go()
    assert warnings.filters == before


def test_the_next_fork_is_warned_of_rightly(threads, clock):
    """The program has a second thread by then: nothing is held back any more, although the time is not over."""
    before = list(warnings.filters)
    warning = ForkWarning()
    forked(warning)
    threads[0] = 2
    forked(warning)
    assert warnings.filters == before


def test_it_comes_before_the_filters_that_the_program_adds_or_takes_away(threads, clock):
    """A second fork within the time finds the filter behind another one, a third finds none: it is in its place again, once."""
    warning = ForkWarning()
    forked(warning)
    ours = warnings.filters[0]
    warnings.simplefilter("error")
    forked(warning)
    assert (0, 1) == (warnings.filters.index(ours), warnings.filters.count(ours))
    warnings.resetwarnings()
    forked(warning)
    assert [ours] == list(warnings.filters)
