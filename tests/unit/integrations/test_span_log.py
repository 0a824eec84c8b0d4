"""Laws of the log of spans: by task, bounded, and never the program's trouble."""

import asyncio

import pytest

from unjam.integrations.otel import span_log
from unjam.integrations.otel.span_log import SpanLog


class Span:
    """As much of a span as the log asks for."""

    def __init__(self, number):
        self.span_id = number

    def get_span_context(self):
        return self


@pytest.fixture
def log():
    return SpanLog(lambda loop: 1)


def begun(log, *spans):
    """Begin spans in a task of that name."""

    async def main():
        for span in spans:
            log.on_start(span)

    async def named():
        await asyncio.create_task(main(), name="worker")

    asyncio.run(named())


def test_the_innermost_that_covers_half_is_it(log):
    """Open or ended; of another task, or of another time, none."""
    outer, inner, late = Span(1), Span(2), Span(3)
    begun(log, outer, inner)
    log._open[1] = log._open[1]._replace(t0=100)
    log._open[2] = log._open[2]._replace(t0=200)
    begun(log, late)
    log._open[3] = log._open[3]._replace(t0=900)
    assert log.innermost(1, "worker", 150, 1_000) is inner
    log.on_end(inner)
    assert log.innermost(1, "worker", 150, 1_000) is inner
    log._ended[0] = log._ended[0]._replace(t1=300)
    assert log.innermost(1, "worker", 150, 1_000) is outer
    assert log.innermost(1, "other", 150, 1_000) is None
    assert log.innermost(2, "worker", 150, 1_000) is None


def test_spans_outside_of_a_loop_are_none_of_it(log):
    """Nor those of a loop that is not watched."""
    log.on_start(Span(1))
    begun(SpanLog(lambda loop: 0), Span(2))
    assert log._open == {}


def test_it_is_bounded(log, monkeypatch):
    """A program that never ends its spans makes it forget the oldest."""
    monkeypatch.setattr(span_log, "MOST_OPEN", 2)
    begun(log, *map(Span, range(5)))
    assert list(log._open) == [3, 4]


def test_a_failure_ends_the_log_and_no_span(monkeypatch):
    """One line, and the program's spans begin as before."""
    reported = []
    monkeypatch.setattr(span_log, "report_failure", lambda what, error: reported.append(type(error)))
    log = SpanLog(lambda loop: 1 / 0)
    begun(log, Span(1), Span(2))
    assert reported == [ZeroDivisionError]
