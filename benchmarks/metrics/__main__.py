"""What the metrics cost a watched process: each collection, each call in a pool, each span. In one process, with and without in turn.

    python benchmarks/metrics [--rounds 40] [--json FILE]

A collection at 1 Hz costs a tenth of a per cent of a core for each millisecond. The other two are microseconds on top of what the
call, or the span, costs under the monitor alone.
"""

import argparse
import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry, generate_latest

import unjam
from unjam import monitor
from unjam.integrations import otel, prometheus

CALLS = 300


def main() -> None:
    """Measure, and print one line for each result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    unjam.install(record=False, log=False)
    results = asyncio.run(measured(options.rounds))
    for name, values in results.items():
        low, middle, high = quantiles(values, n=4)
        print(f"{name:28} {middle:8.2f} ({low:.2f}-{high:.2f})")
    if options.json:
        options.json.write_text(json.dumps({name: median(values) for name, values in results.items()}, indent=2) + "\n")


async def measured(rounds: int) -> dict[str, list[float]]:
    """All results, by name with their unit."""
    registry, reader = CollectorRegistry(), InMemoryMetricReader()
    calls, spans = await added_by_calls(rounds), added_by_spans(rounds)
    prometheus.install(registry=registry)
    otel.install_metrics(meter_provider=MeterProvider(metric_readers=[reader]))
    await turns()
    return {
        "scrape, ms": [1e3 * cpu_s(lambda: generate_latest(registry)) for _ in range(rounds)],
        "OpenTelemetry collection, ms": [1e3 * cpu_s(reader.get_metrics_data) for _ in range(rounds)],
        "call in a pool, added us": calls,
        "span, added us": spans,
    }


async def turns() -> None:
    """Turns of many lengths, so that the histograms are full."""
    for length in range(200):
        time.sleep(length * 5e-5)
        await asyncio.sleep(0)


def cpu_s(work) -> float:
    """Seconds of CPU of this thread."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


async def added_by_calls(rounds: int) -> list[float]:
    """What counting waits adds to a call: pools that are made before it is asked for do without until then."""
    pools = monitor.current()._pools
    with ThreadPoolExecutor(1) as plain, ThreadPoolExecutor(1) as counted:
        for pool in (plain, counted):
            pool.submit(int).result()
        pools._executors.get(counted).count_waits()
        return added(lambda: run_calls(plain), lambda: run_calls(counted), rounds)


def run_calls(pool: ThreadPoolExecutor) -> float:
    """CPU of the whole process for some calls, in seconds."""
    began = time.process_time()
    for future in [pool.submit(int) for _ in range(CALLS)]:
        future.result()
    return time.process_time() - began


def added_by_spans(rounds: int) -> list[float]:
    """What looking at spans adds to one."""
    plain, watched = TracerProvider(), TracerProvider()
    otel.install_spans(tracer_provider=watched)
    return added(lambda: run_spans(plain), lambda: run_spans(watched), rounds)


def run_spans(provider: TracerProvider) -> float:
    """CPU of this thread for some spans, in seconds."""
    tracer = provider.get_tracer("benchmark")

    def work() -> None:
        for _ in range(CALLS):
            tracer.start_span("span").end()

    return cpu_s(work)


def added(without, with_it, rounds: int) -> list[float]:
    """Microseconds a call, the order changing from round to round."""
    found = []
    for number in range(rounds):
        order = (without, with_it) if number % 2 else (with_it, without)
        took = {each: each() for each in order}
        found.append((took[with_it] - took[without]) / CALLS * 1e6)
    return found


if __name__ == "__main__":
    main()
