"""A program with spans, a stall in one of them and spans that it delays; prints what the SDK's in-memory exporter got, as JSON."""

import asyncio
import json
import sys
import time

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import unjam
from unjam.integrations import otel

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
otel.install_spans(tracer_provider=provider)
unjam.install(record=False, log=False)
tracer = provider.get_tracer("app")


async def request():
    with tracer.start_as_current_span("request"), tracer.start_as_current_span("render"):
        time.sleep(0.8)  # the holder


async def inherit():
    time.sleep(0.8)
    await asyncio.sleep(0.05)


async def parent():
    with tracer.start_as_current_span("parent"):
        await asyncio.create_task(inherit())


async def waiting(name):
    with tracer.start_as_current_span(name):
        await asyncio.sleep(0.1)
        await asyncio.sleep(0)


async def untraced():
    time.sleep(0.8)


async def quiet():
    await asyncio.sleep(0.05)


async def main():
    others = [asyncio.create_task(waiting(f"waiting {number}")) for number in range(2)]
    await quiet()
    await asyncio.create_task(request())
    await asyncio.gather(*others)
    # The first stall of a process has what thinks about stalls imported: on a busy machine the next one is over by then.
    await made(3 if sys.argv[1] == "asyncio" else 1)
    await parent()
    await quiet()
    await asyncio.create_task(untraced())
    await made(int(sys.argv[2]))


async def made(number):
    """Wait for so many spans of stalls."""
    deadline = time.monotonic() + 40
    while len(blocked()) < number and time.monotonic() < deadline:
        await asyncio.sleep(0.05)


def blocked():
    """The spans of the sleeps; a busy machine makes other ones."""
    made = [span for span in exporter.get_finished_spans() if span.name == "event_loop_blocked"]
    return [span for span in made if span.end_time - span.start_time >= 600_000_000]


if sys.argv[1] == "uvloop":
    import uvloop

    uvloop.run(main())
else:
    asyncio.run(main())

spans = exporter.get_finished_spans()
names = {span.context.span_id: span.name for span in spans}
print(
    json.dumps(
        [
            {
                "name": span.name,
                "parent": names[span.parent.span_id] if span.parent else None,
                "start": span.start_time,
                "end": span.end_time,
                "attributes": dict(span.attributes),
                "events": [[event.name, dict(event.attributes)] for event in span.events],
                "links": [names[link.context.span_id] for link in span.links],
            }
            for span in spans
        ]
    )
)
