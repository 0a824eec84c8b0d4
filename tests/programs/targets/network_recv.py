"""A blocking socket."""

import socket

from _servers import slow_tcp
from _truth import measured, quiet, run


async def main() -> None:
    with socket.create_connection(("127.0.0.1", slow_tcp(0.25, b"late"))) as connection:
        connection.sendall(b"hello")
        await quiet()
        with measured():
            connection.recv(4)  # expect: UJ103 leaf=socket.socket.recv grade=exact
    await quiet()


run(main())
