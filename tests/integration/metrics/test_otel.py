"""Laws of OpenTelemetry: what a reader collects is what Prometheus scrapes, and what fails or hangs is nobody's trouble but its own."""

import asyncio
import threading
import time

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.export import Histogram as HistogramData
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from prometheus_client import CollectorRegistry

import unjam
from unjam.integrations import otel
from unjam.integrations.metrics import meter
from unjam.integrations.metrics.catalogue import METRICS
from unjam.integrations.otel.histograms import Histograms

pytestmark = pytest.mark.serial


@pytest.fixture
def watched():
    unjam.install(record=False, log=False)
    yield unjam.monitor.current()
    unjam.uninstall()


@pytest.fixture
def install():
    """Install one of ours; what a failing test leaves is removed all the same."""
    removes = []

    def installed(door, **options):
        removes.append(door(**options))
        return removes[-1]

    yield installed
    for remove in reversed(removes):
        remove()


def run(look, turns=20):
    """A loop with some turns, a call in its pool and a stall; returns what `look` sees while it still runs."""

    async def main():
        for _ in range(turns):
            await asyncio.sleep(0)
        await asyncio.to_thread(int)
        time.sleep(0.12)
        await asyncio.sleep(0)
        return look()

    return asyncio.run(main())


def collected(reader):
    """Metrics by name, as the in-memory reader gives them."""
    data = reader.get_metrics_data()
    scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
    return {metric.name: metric for scope in scopes if scope.scope.name == "unjam" for metric in scope.metrics}


def test_a_reader_collects_the_whole_catalogue(watched, install):
    """Names, units and kinds are the catalogue's; histograms are histograms."""
    reader = InMemoryMetricReader()
    remove = install(otel.install_metrics, meter_provider=MeterProvider(metric_readers=[reader]))
    found = run(lambda: collected(reader))
    assert {name: metric.unit for name, metric in found.items()} == {m.otel: m.unit for m in METRICS if m.otel in found}
    # Who reads the stall's parts by state does so once it is judged, a moment later.
    assert {m.otel for m in METRICS} - set(found) <= {"unjam.stall.time"}
    assert {name for name, metric in found.items() if isinstance(metric.data, HistogramData)} == {
        m.otel for m in METRICS if m.kind == "histogram"
    }
    (point,) = found["unjam.eventloop.delay"].data.data_points
    assert point.count == sum(point.bucket_counts) >= 20
    assert (
        sum(count for count, bound in zip(point.bucket_counts[1:], point.explicit_bounds, strict=True) if bound >= 0.1)
        >= 1
    )
    remove()
    assert collected(reader) == {}


def test_a_reader_that_wants_differences_gets_them(watched, install):
    """What was collected once is not collected again."""
    reader = InMemoryMetricReader(preferred_temporality={Histogram: AggregationTemporality.DELTA})
    install(otel.install_metrics, meter_provider=MeterProvider(metric_readers=[reader]))
    counts = []
    for turns in (30, 60):
        (point,) = run(lambda: collected(reader), turns)["unjam.eventloop.delay"].data.data_points
        counts.append(point.count)
    assert 30 <= counts[0]
    assert 60 <= counts[1] <= sum(meter.read().loops["main"].lag.values()) - 30


def test_a_name_becomes_the_one_that_prometheus_has(watched, install):
    """OpenTelemetry's own exporter for Prometheus makes the names of our scrape, so one dashboard serves both; the names that differ are known."""
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(registry=registry)
    install(otel.install_metrics, meter_provider=MeterProvider(metric_readers=[reader]))
    collected_families = run(lambda: list(registry.collect()))
    families = {family.name + ("_total" if family.type == "counter" else "") for family in collected_families}
    renamed = {
        "unjam_blocked_seconds_total": "unjam_blocked_duration_seconds_total",
        # The collector and Prometheus' own OTLP receiver add the ending of a ratio, this exporter does not.
        "unjam_eventloop_utilization_ratio": "unjam_eventloop_utilization",
    }
    expected = {renamed.get(m.prometheus, m.prometheus) for m in METRICS} - {"unjam_stall_time_seconds_total"}
    assert expected <= families


def test_a_provider_that_is_set_later_is_found():
    """A stand-in for the global provider has no readers yet; histograms come once it has."""

    class StandIn:
        _real_meter_provider = None

    reader, provider = InMemoryMetricReader(), StandIn()
    histograms = Histograms(provider)
    histograms.inject()
    assert histograms._wrapped == []
    provider._real_meter_provider = MeterProvider(metric_readers=[reader])
    histograms.inject()
    assert [wrapped for wrapped, _, _ in histograms._wrapped] == [reader]
    histograms.withdraw()
    assert reader._collect == provider._real_meter_provider._measurement_consumer.collect


def test_an_sdk_that_takes_no_finished_histograms_is_told_of_once(capfd):
    """One line; the instruments are there all the same."""

    class OtherSdk:
        _metric_readers = (object(),)

    histograms = Histograms(OtherSdk())
    histograms.inject()
    histograms.inject()
    assert capfd.readouterr().err.count("takes no finished histograms") == 1


def test_a_failure_of_ours_is_one_line_and_the_collection_goes_on(capfd, monkeypatch, install):
    """However often it is collected; the program's own metrics are there."""
    monkeypatch.setattr("unjam.failure.raises", False)
    monkeypatch.setattr("unjam.integrations.metrics.meter.read", lambda: 1 / 0)
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    install(otel.install_metrics, meter_provider=provider)
    provider.get_meter("own").create_counter("own").add(1)
    names = []
    for _ in range(3):
        data = reader.get_metrics_data()
        names += [
            m.name for resource in data.resource_metrics for scope in resource.scope_metrics for m in scope.metrics
        ]
    err = capfd.readouterr().err
    assert names == ["own"] * 3
    assert (err.count("missing in a collection"), err.count("\n")) == (
        2,
        2,
    )  # once for the instruments, once for the histograms


class Exporter(SpanExporter):
    """Exports by calling `act`."""

    def __init__(self, act):
        self.act = act
        self.names = []

    def export(self, spans):
        self.names += [span.name for span in spans]
        if self.names[-1] == "event_loop_blocked":
            self.act()

    def shutdown(self):
        pass


def traced(exporter):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


async def stalls(provider, count):
    for _ in range(count):
        with provider.get_tracer("app").start_as_current_span("request"):
            time.sleep(0.06)
        await asyncio.sleep(0.005)


@pytest.fixture
def gate():
    """What an exporter hangs at until the test is over."""
    gate = threading.Event()
    yield gate
    gate.set()


async def stalls_until(provider, condition):
    """On a busy machine some of them are waits for a CPU, which belong to no span."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await stalls(provider, 1)


def test_an_exporter_that_hangs_hangs_alone(watched, capfd, monkeypatch, install, gate):
    """The program and the monitor go on: later stalls are counted, and one line says that spans are lost."""
    monkeypatch.setattr("unjam.integrations.otel.writing.MOST_WAITING", 2)
    hanging = threading.Event()
    provider = traced(Exporter(lambda: (hanging.set(), gate.wait(60))))
    install(otel.install_spans, tracer_provider=provider)
    told, said = [], []
    watched.tell().judged.append(lambda stall, found: told.append(stall["id"]))

    def is_lost():
        said.append(capfd.readouterr().err)
        return "spans of stalls are lost" in "".join(said)

    asyncio.run(stalls_until(provider, is_lost))
    before = len(told)
    asyncio.run(stalls_until(provider, lambda: len(told) > before + 2))
    assert hanging.is_set()
    assert "".join([*said, capfd.readouterr().err]).count("spans of stalls are lost") == 1


def test_an_exporter_that_raises_is_the_sdks_trouble(watched, install):
    """The SDK logs it; ours goes on with the next stall."""
    seen = []

    def fail():
        seen.append("asked")
        raise RuntimeError("broken exporter")

    provider = traced(Exporter(fail))
    install(otel.install_spans, tracer_provider=provider)
    asyncio.run(stalls_until(provider, lambda: len(seen) >= 2))


def test_removing_leaves_nothing(watched, install):
    """No observer of ours stays, and what the provider keeps does nothing any more."""
    provider = traced(exporter := Exporter(lambda: None))
    remove = install(otel.install_spans, tracer_provider=provider)
    remove()
    asyncio.run(stalls(provider, 1))
    watched.flush(5)
    assert (watched.observers.steps, watched.observers.victims, watched.tell().judged) == ([], [], [])
    assert exporter.names == ["request"]


def test_without_the_api_the_door_names_the_extra(python):
    """For metrics and for spans."""
    out, _ = python(
        """
        import sys
        sys.modules["opentelemetry"] = None
        from unjam.errors import NotAvailable
        from unjam.integrations import otel
        for install in (otel.install_metrics, otel.install_spans):
            try:
                install()
            except NotAvailable as error:
                print(error)
        """
    )
    assert out.count("pip install 'unjam[otel]'") == 2
