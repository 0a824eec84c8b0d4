"""Laws of odd places: metrics, spans and the middleware work, or stand aside, wherever a program installs them."""

import sys
import textwrap

import pytest

PREAMBLE = """
import asyncio, atexit, os, sys, threading, time
import unjam
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry, generate_latest
from unjam.integrations import otel, prometheus

reader = InMemoryMetricReader()
meters, tracers = MeterProvider(metric_readers=[reader]), TracerProvider()

async def main():
    await asyncio.sleep(0.001)
    time.sleep(0.06)
    await asyncio.sleep(0.001)

def everything():
    registry = CollectorRegistry()
    removes = [
        prometheus.install(registry=registry),
        otel.install_metrics(meter_provider=meters),
        otel.install_spans(tracer_provider=tracers),
    ]
    unjam.install(record=False, log=False)
    asyncio.run(main())
    told = "unjam_stalls_total" in generate_latest(registry).decode()
    for remove in removes:
        remove()
    return told
"""

PLACES = {
    "in a thread": """
        told = []
        thread = threading.Thread(target=lambda: told.append(everything()))
        thread.start()
        thread.join()
        print(*told)
    """,
    "twice": "print(everything() and everything())",
    "in the child of a fork": """
        everything()
        child = os.fork()
        if child == 0:
            os._exit(3 + everything())
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 4)
    """,
    "at the end": "atexit.register(lambda: print(everything()))",
}


TOO_LATE = "unjam: a loop is not watched: RuntimeError: can't create new thread at interpreter shutdown; your program is unaffected\n"
"""Since CPython 3.12."""


@pytest.mark.parametrize("place", PLACES)
def test_metrics_may_be_installed_anywhere(python, place):
    """The stall is counted, and what is removed is gone without a word; where no thread can begin any more, one line says so."""
    told = python(PREAMBLE + textwrap.dedent(PLACES[place]))
    assert told in {("True\n", ""), ("False\n", TOO_LATE) if place == "at the end" else ()}


SERVED = """
import asyncio, logging, os, sys, time
import unjam
from unjam.integrations.asgi import UnjamMiddleware

logging.getLogger("unjam").setLevel(logging.CRITICAL)  # on a busy machine there are stalls to tell of

async def app(scope, receive, send):
    request = scope.get("state", {}).get("unjam")
    time.sleep(0.002)
    # In one write: another process may print to the same pipe.
    print("measured\\n" if request is not None and request.own_ms >= 2 else "passed\\n", end="", flush=True)

served = UnjamMiddleware(app)

async def main():
    await served({"type": "http", "method": "GET", "path": "/"}, None, None)
"""


def test_the_child_of_a_fork_measures_its_own_requests(python):
    """What the parent had wired up is not the child's: it begins anew."""
    source = """
    unjam.install(record=False, log=False)
    asyncio.run(main())
    child = os.fork()
    asyncio.run(main())
    if child:
        os.waitpid(child, 0)
    """
    assert python(SERVED + textwrap.dedent(source)) == ("measured\n" * 3, "")


@pytest.mark.skipif(
    sys.version_info[:2] == (3, 12), reason="CPython 3.12.1 aborts after asyncio.run in a subinterpreter"
)
def test_in_a_subinterpreter_requests_pass(python):
    """Loops of another interpreter are not watched: the request is served, and one line says that it is not measured."""
    source = SERVED + "unjam.install(record=False, log=False)\nasyncio.run(main())\nasyncio.run(main())\n"
    out, err = python(
        f"""
        try:
            import _interpreters as interpreters
            run = interpreters.exec
        except ImportError:
            import _xxsubinterpreters as interpreters
            run = interpreters.run_string
        inner = interpreters.create()
        print(run(inner, {source!r}))
        interpreters.destroy(inner)
        """
    )
    assert out == "passed\npassed\nNone\n"
    assert err.count("requests are not measured") == err.count("\n") == 1
