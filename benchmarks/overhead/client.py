"""A load client: requests over a few kept connections, in this process."""

import asyncio
import socket
import time
from collections import Counter
from urllib.request import urlopen

CONNECTIONS = 8
REQUESTS_OF_A_CONNECTION = 1_000
READY_S = 20.0
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
END_OF_HEAD = b"\r\n\r\n"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(port: int) -> None:
    """Wait until somebody listens there; raises TimeoutError."""
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"nobody listens on port {port}")


def cpu_of_server(port: int) -> float:
    """Seconds of CPU that the server has used so far."""
    with urlopen(f"http://127.0.0.1:{port}/cpu", timeout=10) as answer:
        return float(answer.read())


def load(port: int, requests: int) -> None:
    """Send the requests and read every answer."""
    asyncio.run(_load(port, requests))


async def _load(port: int, requests: int) -> None:
    await asyncio.gather(*(_connection(port, requests // CONNECTIONS, Counter()) for _ in range(CONNECTIONS)))


async def connections(port: int, answered: Counter[int]) -> None:
    """Send requests until cancelled, and count the answers by port."""
    await asyncio.gather(*(_endless(port, answered) for _ in range(CONNECTIONS)))


async def _endless(port: int, answered: Counter[int]) -> None:
    while True:
        await _connection(port, REQUESTS_OF_A_CONNECTION, answered)


async def _connection(port: int, requests: int, answered: Counter[int]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for _ in range(requests):
            writer.write(REQUEST)
            head = await reader.readuntil(END_OF_HEAD)
            await reader.readexactly(_content_length(head))
            answered[port] += 1
    finally:
        writer.close()


def _content_length(head: bytes) -> int:
    name = b"content-length: "
    start = head.lower().index(name) + len(name)
    return int(head[start : head.index(b"\r\n", start)])
