"""Laws of what goes wrong beside a scrape, of several processes, and of putting things back."""

import json

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import DuplicateTimeseries

from unjam.errors import UsageError
from unjam.integrations import prometheus


def test_without_the_client_the_door_names_the_extra(python):
    """What is missing, and the command that brings it, as one error where it is asked for."""
    out, _ = python(
        """
        import sys
        sys.modules["prometheus_client"] = None
        from unjam.errors import NotAvailable
        from unjam.integrations import prometheus
        try:
            prometheus.install()
        except NotAvailable as error:
            print(error)
        """
    )
    assert out.startswith("prometheus_client cannot be imported")
    assert "pip install 'unjam[prometheus]'" in out


def test_a_failure_of_ours_is_one_line_and_the_scrape_goes_on(python):
    """The program's own metrics are scraped all the same."""
    out, err = python(
        """
        from prometheus_client import Counter, generate_latest
        from unjam.integrations import prometheus
        from unjam.integrations.metrics import meter
        meter._meter.read = lambda: 1 / 0
        prometheus.install()
        Counter("own", "The program's.").inc()
        print(generate_latest().decode())
        """
    )
    assert "own_total 1.0" in out
    assert "unjam_" not in out
    assert (
        err
        == "unjam: its metrics are missing in a scrape: ZeroDivisionError: division by zero; your program is unaffected\n"
    )


def test_without_a_monitor_nothing_is_told(python):
    """Not measured is missing, not 0; and the order of the two installs does not matter (the service does it the other way).

    In a process of its own: where there was a monitor once, its counters go on.
    """
    out, _ = python(
        """
        from prometheus_client import CollectorRegistry, generate_latest
        from unjam.integrations import prometheus
        registry = CollectorRegistry()
        remove = prometheus.install(registry=registry)
        print(generate_latest(registry))
        remove()
        """
    )
    assert out == "b''\n"


def test_twice_in_one_registry_is_refused_by_it_and_removing_is_whole():
    """The registry's own error; after the removal another one may come, and removing again does nothing."""
    registry = CollectorRegistry()
    remove = prometheus.install(registry=registry)
    with pytest.raises(DuplicateTimeseries):
        prometheus.install(registry=registry)
    remove()
    remove()
    prometheus.install(registry=registry)()


def test_a_window_that_is_none_is_refused_at_the_door():
    """One clear line, before anything is registered."""
    registry = CollectorRegistry()
    with pytest.raises(UsageError, match="max_over"):
        prometheus.install(registry=registry, max_over="soon")
    prometheus.install(registry=registry)()


WORKERS = """
import asyncio, os, sys, time
import unjam
from unjam.integrations import prometheus

prometheus.install()
unjam.install(record=False, log=False)

async def work(stalls):
    for _ in range(stalls):
        time.sleep(0.55)
        await asyncio.sleep(0.01)

asyncio.run(work(1))
time.sleep(0.5)
for stalls in (2, 3):
    if os.fork() == 0:
        asyncio.run(work(stalls))
        sys.exit()
for _ in range(2):
    os.wait()
"""
"""A parent that has already counted one stall, and two workers that are forked from it."""


def test_workers_add_up_in_multiprocess_mode(python, tmp_path):
    """Each process counts its own stalls, those of the parent are not counted again by its children, and the sum is everybody's."""
    folder = tmp_path / "shared"
    folder.mkdir()
    python(WORKERS, PROMETHEUS_MULTIPROC_DIR=str(folder))
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))
    assert registry.get_sample_value("unjam_stalls_total", {"cause": "sleep"}) == 6
    assert registry.get_sample_value("unjam_blocked_seconds_total", {"cause": "sleep"}) >= 6 * 0.5
    long_ones = [
        registry.get_sample_value("unjam_eventloop_delay_seconds_bucket", {"loop": "main", "le": le})
        for le in ("0.1", "+Inf")
    ]
    assert long_ones[1] - long_ones[0] >= 6
    assert registry.get_sample_value("unjam_eventloop_delay_max_seconds", {"loop": "main"}) >= 0.55
    assert 0 < registry.get_sample_value("unjam_eventloop_utilization_ratio", {"loop": "main"}) <= 1


def test_a_file_of_an_earlier_process_goes_on_counting(python, tmp_path):
    """The system gives numbers again: what an earlier process with this one's number wrote stays in the sum."""
    out, _ = python(
        """
        import json, os
        from prometheus_client import CollectorRegistry
        from prometheus_client.multiprocess import MultiProcessCollector
        from unjam.integrations.metrics.catalogue import STALLS
        from unjam.integrations.metrics.points import Point
        from unjam.integrations.prometheus.shared import Shared

        class Window:
            def __init__(self, *counts):
                self.counts = iter(counts)
            def points(self):
                return [Point(STALLS, ("sleep",), next(self.counts))]

        earlier, present = Shared(Window(3.0, 5.0)), Shared(Window(1.0, 2.0))
        for shared in (earlier, earlier, present, present):
            shared.write()
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        print(json.dumps(registry.get_sample_value("unjam_stalls_total", {"cause": "sleep"})))
        """,
        PROMETHEUS_MULTIPROC_DIR=str(tmp_path),
    )
    assert json.loads(out) == 7.0
