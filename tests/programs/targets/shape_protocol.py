"""A protocol's data_received, called by the transport."""

import asyncio
import time

from _truth import quiet, run


class Server(asyncio.Protocol):
    def data_received(self, data: bytes) -> None:
        time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await quiet()
    writer.write(b"x")
    await quiet()
    writer.close()
    server.close()


run(main())
