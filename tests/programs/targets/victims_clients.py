"""Clients that connect and ask while the loop is held: they are heard some turns later, and had to wait since their words came."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

from _truth import quiet, run

CLIENTS = 4
held = threading.Event()
asked: list[int] = []


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)
        self.transport.close()


def client(port: int) -> None:
    held.wait()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.send(b"hello")
        asked.append(port)
        assert connection.recv(10) == b"hello"


def until_all_have_asked() -> Iterator[None]:
    held.set()
    while len(asked) < CLIENTS:
        yield
    yield


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    clients = [threading.Thread(target=client, args=(port,)) for _ in range(CLIENTS)]
    for each in clients:
        each.start()
    await quiet()
    for _ in until_all_have_asked():
        time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1 victims=4
    while any(each.is_alive() for each in clients):
        await asyncio.sleep(0.01)
    server.close()


run(main())
