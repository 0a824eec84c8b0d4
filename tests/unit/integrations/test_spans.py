"""Laws of the spans of stalls: a loop that has gone meanwhile is nobody's trouble."""

import asyncio

import pytest
from opentelemetry.sdk.trace import TracerProvider

from unjam.integrations.otel.spans import Spans
from unjam.probes.observers import Observers


class Telling:
    judged = ()


class Monitor:
    """As much of a monitor as spans ask for, while its watching ends."""

    engine = None

    def __init__(self, loop):
        self.loop = loop
        self.observers = Observers()
        self.telling = Telling()
        self.telling.judged = []
        self.subscribers = []

    def tell(self):
        return self.telling

    def subscribe(self, subscriber):
        self.subscribers.append(subscriber)

    def unsubscribe(self, subscriber):
        self.subscribers.remove(subscriber)

    def loop_of(self, number):
        del number
        return self.loop


@pytest.mark.skipif(not hasattr(asyncio.Task, "get_context"), reason="tasks tell their context from Python 3.12 on")
@pytest.mark.parametrize("loop", [None, object()], ids=["loop gone", "engine gone"])
def test_a_stall_that_is_told_of_too_late_has_no_span_to_ask(loop):
    """A moment after it was seen the loop may be forgotten, and the engine as well where watching ends."""
    spans, watched = Spans(TracerProvider()), Monitor(loop)
    spans.follow(watched)
    for receive in watched.subscribers:
        receive({"e": "stall", "id": 1, "loop": 1, "t0": 0, "t1": None})
    assert spans._during == {}
    spans.stop()
    assert watched.subscribers == []


def test_a_stall_that_nobody_thought_about_has_no_span(monkeypatch):
    """Of very many in a row not each is explained: there is no cause that a span could tell."""
    failures = []
    monkeypatch.setattr("unjam.integrations.otel.spans.report_failure", lambda *told: failures.append(told))
    spans, watched = Spans(TracerProvider()), Monitor(None)
    spans.follow(watched)
    for judged in watched.telling.judged:
        judged({"e": "stall", "id": 1, "loop": 1, "t0": 0, "t1": 10**9}, ())
    assert (failures, spans._delayed) == ([], {})
    spans.stop()
