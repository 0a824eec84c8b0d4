"""The service in its variants, alive together and loaded in turn, with the load from this process."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

sys.path.insert(0, str(Path(__file__).parents[1] / "overhead"))

from client import END_OF_HEAD, free_port, wait_until_ready

VARIANTS = ("bare", "bare again", "watched", "middleware")
CONNECTIONS, REQUESTS = 8, 400
REQUEST = b"GET /items/7?count=2 HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Measured:
    """One round of one variant: answers a second, CPU of the server in seconds, 99th percentile of the answers in ms."""

    per_second: float
    cpu_s: float
    p99_ms: float


def compare(loop: str, rounds: int) -> dict[str, list[Measured]]:
    """Each variant once a round, beginning with another one each time; a first round warms up and is not kept."""
    found: dict[str, list[Measured]] = {name: [] for name in VARIANTS}
    with ExitStack() as stack:
        ports = {name: stack.enter_context(_serving(name, loop)) for name in VARIANTS}
        for number in range(rounds + 1):
            first = number % len(VARIANTS)
            for name in [*VARIANTS[first:], *VARIANTS[:first]]:
                measured = _measure(ports[name])
                if number:
                    found[name].append(measured)
    return found


def _measure(port: int) -> Measured:
    before, began = _cpu_s(port), time.perf_counter()
    waited = asyncio.run(_load(port))
    spent = time.perf_counter() - began
    return Measured(REQUESTS / spent, _cpu_s(port) - before, quantiles(waited, n=100)[98] * 1e3)


def _cpu_s(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/cpu", timeout=10) as answer:
        return float(json.load(answer))


async def _load(port: int) -> list[float]:
    each = await asyncio.gather(*(_connection(port, REQUESTS // CONNECTIONS) for _ in range(CONNECTIONS)))
    return [seconds for waited in each for seconds in waited]


async def _connection(port: int, requests: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    waited = []
    for _ in range(requests):
        began = time.perf_counter()
        writer.write(REQUEST)
        head = (await reader.readuntil(END_OF_HEAD)).lower()
        await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        waited.append(time.perf_counter() - began)
    writer.close()
    return waited


@contextmanager
def _serving(variant: str, loop: str):
    port = free_port()
    command = [sys.executable, str(Path(__file__).with_name("server.py")), str(port), loop, variant]
    with tempfile.TemporaryDirectory() as folder:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("UNJAM")}
        process = subprocess.Popen(command, env=environ, cwd=folder)
        try:
            wait_until_ready(port)
            yield port
        finally:
            process.terminate()
            process.wait()
