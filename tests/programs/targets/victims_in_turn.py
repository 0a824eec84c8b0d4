# loops: asyncio
"""One client that asks again as soon as it is answered, on a connection that is kept: what it asks next has not waited."""

import asyncio
import socket
import time

from _truth import quiet, run

TIMES = 5


class Slow(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        time.sleep(0.1)  # expect: UJ101 leaf=time.sleep count=5 victims=none
        self.transport.write(data)


def client(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for _ in range(TIMES):
            connection.send(b"hello")
            assert connection.recv(10) == b"hello"
        time.sleep(0.2)  # since when the loop is to hear of the end is not known: not while it comes back


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Slow, "127.0.0.1", 0)
    await quiet()
    await asyncio.to_thread(client, server.sockets[0].getsockname()[1])
    server.close()


run(main())
