"""Clients that connect while the loop is held: they wait to be accepted, before any request of theirs is seen."""

import asyncio
import socket
import threading
import time

from _truth import quiet, run


class Greeter(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"hello")
        transport.close()


def client(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        assert connection.recv(10) == b"hello"


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Greeter, "127.0.0.1", 0)
    clients = [threading.Timer(0.1, client, (server.sockets[0].getsockname()[1],)) for _ in range(4)]
    await quiet()
    for each in clients:
        each.start()
    time.sleep(0.3)  # expect: UJ101 count=1 victims=4
    while any(each.is_alive() for each in clients):
        await asyncio.sleep(0.01)
    server.close()


run(main())
