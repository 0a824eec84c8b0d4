"""A task waits for a peer that is slow, and others wait for that task."""

import asyncio
import socket


async def main():
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    lock = asyncio.Lock()

    async def ask():
        async with lock:
            return await reader.readline()

    await asyncio.gather(ask(), ask(), ask())
    theirs.close()
    writer.close()


asyncio.run(main())
