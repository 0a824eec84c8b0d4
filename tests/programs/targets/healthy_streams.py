"""A busy echo over streams."""

import asyncio

from _truth import run


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
        await writer.drain()
    writer.close()


async def main() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for _ in range(2000):
        writer.write(b"x" * 50)
        await reader.readexactly(50)
    writer.close()
    await writer.wait_closed()
    await asyncio.sleep(0.01)
    server.close()


run(main())
