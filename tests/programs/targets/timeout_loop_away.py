"""A timeout that fires because the loop was away: the reply had been there for long."""

import asyncio
import contextlib
import time

from _truth import quiet, run


async def replies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(16))
    await writer.drain()


async def ask(port: int, waiting: asyncio.Event) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello")
    waiting.set()
    async with asyncio.timeout(0.15):  # expect: UJ701 culprit=any
        await reader.readexactly(5)


async def main() -> None:
    server = await asyncio.start_server(replies, "127.0.0.1", 0)
    await quiet()
    waiting = asyncio.Event()
    task = asyncio.create_task(ask(server.sockets[0].getsockname()[1], waiting))
    await waiting.wait()
    time.sleep(0.25)  # expect: UJ101 leaf=time.sleep
    with contextlib.suppress(TimeoutError):
        await task
    await quiet()


run(main())
