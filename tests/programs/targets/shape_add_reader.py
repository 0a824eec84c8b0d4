"""A callback that runs because a socket is readable."""

import asyncio
import socket
import time

from _truth import quiet, run


def readable(sock: socket.socket) -> None:
    sock.recv(16)
    time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1


async def main() -> None:
    ours, theirs = socket.socketpair()
    asyncio.get_running_loop().add_reader(ours, readable, ours)
    await quiet()
    theirs.send(b"x")
    await quiet()
    asyncio.get_running_loop().remove_reader(ours)


run(main())
