"""A synchronous poll loop of another library's kind, in a thread."""

import asyncio
import select
import socket
import threading

from _truth import run


def poll(sock: socket.socket) -> None:
    with select.epoll() as mine:
        mine.register(sock, select.EPOLLIN)
        mine.poll(0.3)


async def main() -> None:
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=poll, args=(ours,))
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.01)
    theirs.close()


run(main())
