"""The servers: an ASGI hello-world under uvicorn, with the load from this process."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from client import cpu_of_server, free_port, load, wait_until_ready
from pairs import Cost, rounds
from variants import Variant

REQUESTS = 1_600
ROUNDS_OF_A_START = 5
"""One process may be a few percent slower than its equal for all its life (where its memory lies): servers are started anew after that."""


def asgi(variants: Sequence[Variant], loop: str, count: int) -> dict[str, list[Cost]]:
    """All variants of the server, alive together and loaded in turn, started anew every few rounds."""
    costs: dict[str, list[Cost]] = {variant.name: [] for variant in variants}
    while (left := count - len(costs[variants[0].name])) > 0:
        for name, more in _started(variants, loop, min(left, ROUNDS_OF_A_START)).items():
            costs[name] += more
    return costs


def _started(variants: Sequence[Variant], loop: str, count: int) -> dict[str, list[Cost]]:
    with ExitStack() as stack:
        ports = {variant.name: stack.enter_context(serving(variant, loop)) for variant in variants}
        return rounds(list(ports), lambda name: _loaded(ports[name]), count)


def _loaded(port: int) -> Cost:
    cpu, wall = cpu_of_server(port), time.perf_counter()
    load(port, REQUESTS)
    wall = time.perf_counter() - wall
    return Cost(cpu_of_server(port) - cpu, wall)


@contextmanager
def serving(variant: Variant, loop: str) -> Iterator[int]:
    """The server on a port of its own, which is given."""
    port = free_port()
    server = str(Path(__file__).with_name("server.py"))
    process = subprocess.Popen(
        variant.command(server, str(port), loop), env=variant.environ(), stderr=subprocess.DEVNULL
    )
    try:
        wait_until_ready(port)
        yield port
    finally:
        process.terminate()
        process.wait()
