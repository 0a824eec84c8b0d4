"""A service compared with itself without unjam: two forks of one process on one CPU, loaded at the same time, which makes what the machine
does to one happen to the other (overhead/beside.py), or in turn, so that each has the CPU to itself."""

import asyncio
import importlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "shop"))
sys.path.insert(0, str(Path(__file__).parents[1] / "overhead"))

from client import END_OF_HEAD, free_port, wait_until_ready
from forks import Server, forked, two_cpus
from hosting import serve
from load import HEALTH, REQUESTS

import unjam.diagnosis.diagnose
import unjam.monitor  # noqa: F401 -- both, so that forks differ by what watching takes, not by what is read once

SHOP = Path(__file__).parents[2] / "examples" / "shop"

CONNECTIONS = 8

WARMING = 8
"""So many times less than what is measured is asked before it, and once through at least."""

SLICES = 24
"""Into so many parts the work of services is cut that are loaded in turn."""


@dataclass(frozen=True, slots=True)
class Service:
    """Which service, in which variants, what each connection asks of it in turn, how often, and what else it needs.

    `app` is the module of its application; a connection asks `slice` requests before it is the other service's turn.
    """

    name: str
    app: str
    variants: tuple[str, ...]
    asked: tuple[tuple[str, str], ...]
    times: int
    slice: int
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
        ("bare again", "watched", "headerless", "middleware"),
        (("GET", "/items/7?count=2"),),
        500,
        20,
    ),
    # Its quick endpoints: where a handler waits for the price service or for the database, nobody would see what we cost.
    Service(
        "shop",
        "shop.main",
        ("bare again", "everything"),
        (("GET", "/health"), ("GET", "/catalogue"), ("GET", "/orders/41/invoice")),
        120,
        15,
        prices=True,
    ),
    # What its own customers ask for (examples/shop/load.py), without their pauses.
    Service("customers", "shop.main", ("bare again", "everything"), (HEALTH, *BOUGHT), 2, 1, prices=True),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One of two services that did the same work: the answers it had given when the first of them was done, or a second where they were
    loaded in turn, the CPU it took for all of its work in seconds, the 99th percentile of its answers in ms."""

    answers: float
    cpu_s: float
    p99_ms: float


def compare(
    service: Service, loop: str, rounds: int, *, in_turn: bool
) -> Iterator[dict[str, tuple[Measured, Measured]]]:
    """In each round each variant and the bare service, with new processes: the bare one's figures and its own."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        app = _application(service, home, stack.enter_context(_prices()) if service.prices else 0)
        for number in range(rounds):
            yield {
                name: _pair(service, app, loop, name, home / f"{number} {name}", in_turn=in_turn)
                for name in service.variants
            }


def _application(service: Service, home: Path, prices: int) -> Any:
    """The application, made once for all forks, which write into folders of their own."""
    os.environ |= {"SHOP_ROUTES": "healthy", "SHOP_FOLDER": ".", "SHOP_PRICES": f"http://127.0.0.1:{prices}"}
    for name in [name for name in sys.modules if name.partition(".")[0] == service.app.partition(".")[0]]:
        del sys.modules[name]  # made for another price service
    os.chdir(home)
    return importlib.import_module(service.app).app


def _pair(
    service: Service, app: Any, loop: str, variant: str, home: Path, *, in_turn: bool
) -> tuple[Measured, Measured]:
    with ExitStack() as stack:
        leave = stack.enter_context(two_cpus())
        servers = {}
        for name in random.sample(("bare", variant), k=2):
            folder = home / name
            folder.mkdir(parents=True)
            servers[name] = stack.enter_context(forked(partial(serve, app=app, loop=loop, variant=name, folder=folder)))
        leave()
        measure = _in_turn if in_turn else _together
        bare, own = asyncio.run(measure(service, servers["bare"], servers[variant]))
        return bare, own


async def _in_turn(service: Service, *servers: Server) -> list[Measured]:
    for server in servers:
        await _work(service, server, max(1, service.times // WARMING), [])
    before = [server.cpu_ns() for server in servers]
    answers: list[list[float]] = [[] for _ in servers]
    seconds = [0.0 for _ in servers]
    for number in range(SLICES):
        for turn in random.sample(range(len(servers)), k=len(servers)):
            began = time.perf_counter()
            await _ask(service, servers[turn], number * service.slice, service.slice, answers[turn])
            seconds[turn] += time.perf_counter() - began
    return [
        Measured(len(waited) / spent, (server.cpu_ns() - began) / 1e9, _p99_ms(waited))
        for waited, spent, server, began in zip(answers, seconds, servers, before, strict=True)
    ]


async def _together(service: Service, *servers: Server) -> list[Measured]:
    await asyncio.gather(*(_work(service, server, max(1, service.times // WARMING), []) for server in servers))
    before = [server.cpu_ns() for server in servers]
    answers: list[list[float]] = [[] for _ in servers]
    works = [
        asyncio.create_task(_work(service, server, service.times, waited))
        for server, waited in zip(servers, answers, strict=True)
    ]
    await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
    first = [len(waited) for waited in answers]
    after = await asyncio.gather(*works)
    return [
        Measured(count, (end - began) / 1e9, _p99_ms(waited))
        for count, began, end, waited in zip(first, before, after, answers, strict=True)
    ]


def _p99_ms(waited: list[float]) -> float:
    return quantiles(waited, n=100)[98] * 1e3


async def _work(service: Service, server: Server, times: int, waited: list[float]) -> int:
    """Have everything answered so often; the CPU time that the server has used then."""
    await _ask(service, server, 0, times * len(service.asked), waited)
    return server.cpu_ns()


async def _ask(service: Service, server: Server, first: int, count: int, waited: list[float]) -> None:
    """So many requests on each connection, each of which begins with another one."""
    await asyncio.gather(
        *(_connection(service, server.port, first + number, count, waited) for number in range(CONNECTIONS))
    )


async def _connection(service: Service, port: int, first: int, count: int, waited: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for turn in range(first, first + count):
        method, path = service.asked[turn % len(service.asked)]
        began = time.perf_counter()
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        head = (await reader.readuntil(END_OF_HEAD)).lower()
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"{path}: {head.splitlines()[0].decode()}")
        await _read_body(reader, head)
        waited.append(time.perf_counter() - began)
    writer.close()


async def _read_body(reader: asyncio.StreamReader, head: bytes) -> None:
    length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    if length:
        await reader.readexactly(int(length))
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):  # RFC 9112, 7.1: chunks
        await reader.readexactly(size + len(b"\r\n"))
    await reader.readexactly(len(b"\r\n"))


@contextmanager
def _prices() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, str(SHOP / "prices.py"), str(port)], cwd=SHOP)
    try:
        wait_until_ready(port)
        yield port
    finally:
        process.terminate()
        process.wait()
