"""A service that is switched from variant to variant and loaded in between, with the load from this process."""

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "shop"))
sys.path.insert(0, str(Path(__file__).parents[1] / "overhead"))

from client import END_OF_HEAD, free_port, wait_until_ready
from load import HEALTH, REQUESTS

SHOP = Path(__file__).parents[2] / "examples" / "shop"

CONNECTIONS = 8

ROUNDS_OF_A_START = 10
"""Equal processes differ by more than unjam costs (where their memory lies), so the variants share one, and several are looked at."""


@dataclass(frozen=True, slots=True)
class Service:
    """Which service, in which variants, the first of them bare; what is asked of it in turn, how often in a round, and what else it needs.

    `app` is its name for server.py.
    """

    name: str
    app: str
    variants: tuple[str, ...]
    asked: tuple[tuple[str, str], ...]
    requests: int
    prices: bool = False


BOUGHT = tuple(
    request for request in REQUESTS if not request[1].endswith("/stock") and not request[1].startswith("/orders?")
)
"""Every second time the supplier is too busy to tell its stock, and a new order waits for as long as SQLite's file is locked by chance:
the former would be errors where customers ask together, the latter would be what is measured."""

SERVICES = (
    Service(
        "offers",
        "offers",
        ("bare", "bare again", "watched", "headerless", "middleware"),
        (("GET", "/items/7?count=2"),),
        400,
    ),
    # Its quick endpoints: where a handler waits for the price service or for the database, nobody would see what we cost.
    Service(
        "shop",
        "shop",
        ("bare", "bare again", "everything"),
        (("GET", "/health"), ("GET", "/catalogue"), ("GET", "/orders/41/invoice")),
        240,
        prices=True,
    ),
    # What its own customers ask for (examples/shop/load.py), without their pauses.
    Service("customers", "shop", ("bare", "bare again", "everything"), (HEALTH, *BOUGHT), 56, prices=True),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One round of one variant: answers a second, CPU of the server in seconds, 99th percentile of the answers in ms."""

    per_second: float
    cpu_s: float
    p99_ms: float


def compare(service: Service, loop: str, rounds: int) -> list[dict[str, list[Measured]]]:
    """The rounds of each variant, by start of the server."""
    left = [min(ROUNDS_OF_A_START, rounds - done) for done in range(0, rounds, ROUNDS_OF_A_START)]
    return [_of_one_start(service, loop, count) for count in left]


def _of_one_start(service: Service, loop: str, rounds: int) -> dict[str, list[Measured]]:
    """Each variant once a round, in an order of its own each time; a first round warms up and is not kept."""
    found: dict[str, list[Measured]] = {name: [] for name in service.variants}
    with ExitStack() as stack:
        prices = stack.enter_context(_prices()) if service.prices else 0
        port = stack.enter_context(_serving(service, loop, prices))
        for number in range(rounds + 1):
            for name in random.sample(service.variants, k=len(service.variants)):
                _read(port, f"/switch/{quote(name)}")
                measured = _measure(service, port)
                if number:
                    found[name].append(measured)
                if name == "everything":
                    _read(port, "/metrics/")
    return found


def _measure(service: Service, port: int) -> Measured:
    before, began = _cpu_s(port), time.perf_counter()
    waited = asyncio.run(_load(service, port))
    spent = time.perf_counter() - began
    return Measured(service.requests / spent, _cpu_s(port) - before, quantiles(waited, n=100)[98] * 1e3)


def _cpu_s(port: int) -> float:
    return float(json.loads(_read(port, "/cpu")))


def _read(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return bytes(answer.read())


async def _load(service: Service, port: int) -> list[float]:
    each = await asyncio.gather(*(_connection(service, port, number) for number in range(CONNECTIONS)))
    return [seconds for waited in each for seconds in waited]


async def _connection(service: Service, port: int, number: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    waited = []
    for turn in range(number, number + service.requests // CONNECTIONS):
        method, path = service.asked[turn % len(service.asked)]
        began = time.perf_counter()
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        head = (await reader.readuntil(END_OF_HEAD)).lower()
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"{path}: {head.splitlines()[0].decode()}")
        await _read_body(reader, head)
        waited.append(time.perf_counter() - began)
    writer.close()
    return waited


async def _read_body(reader: asyncio.StreamReader, head: bytes) -> None:
    length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    if length:
        await reader.readexactly(int(length))
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):  # RFC 9112, 7.1: chunks
        await reader.readexactly(size + len(b"\r\n"))
    await reader.readexactly(len(b"\r\n"))


@contextmanager
def _serving(service: Service, loop: str, prices: int):
    port = free_port()
    command = [sys.executable, str(Path(__file__).with_name("server.py")), service.app, str(port), loop]
    with tempfile.TemporaryDirectory() as folder:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("UNJAM")}
        shop = {"SHOP_ROUTES": "healthy", "SHOP_FOLDER": folder, "SHOP_PRICES": f"http://127.0.0.1:{prices}"}
        with _started(command, port, environ | shop, folder):
            yield port


@contextmanager
def _prices():
    port = free_port()
    with _started([sys.executable, str(SHOP / "prices.py"), str(port)], port, dict(os.environ), str(SHOP)):
        yield port


@contextmanager
def _started(command: list[str], port: int, environ: dict[str, str], folder: str):
    process = subprocess.Popen(command, env=environ, cwd=folder)
    try:
        wait_until_ready(port)
        yield
    finally:
        process.terminate()
        process.wait()
