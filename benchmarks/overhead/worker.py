"""A process that runs one micro-benchmark each time it is told to, and sits in its loop's select in between.

python worker.py WORKLOAD LOOP      then one number of operations a line on stdin; one JSON object a line on stdout
"""

import asyncio
import json
import sys
import time


async def soon(count: int, together: int) -> None:
    """Empty callbacks, so many a turn."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def turn(left: int) -> None:
        if left <= 0:
            done.set_result(None)
            return
        for _ in range(together - 1):
            loop.call_soon(int)
        loop.call_soon(turn, left - together)

    loop.call_soon(turn, count)
    await done


async def soon1(count: int) -> None:
    """One empty callback a turn."""
    await soon(count, 1)


async def soon100(count: int) -> None:
    """A hundred empty callbacks a turn."""
    await soon(count, 100)


async def ping(count: int) -> None:
    """Two tasks that give way to each other."""

    async def one() -> None:
        for _ in range(count // 2):
            await asyncio.sleep(0)

    await asyncio.gather(one(), one())


async def echo(count: int) -> None:
    """An echo over asyncio's streams."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1024):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for _ in range(count):
        writer.write(b"x" * 64)
        await reader.readexactly(64)
    writer.close()
    server.close()


WORKLOADS = {"soon1": soon1, "soon100": soon100, "ping": ping, "echo": echo}


async def obey(name: str) -> None:
    """Run the workload for each line on stdin."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        cpu, wall = time.process_time(), time.perf_counter()
        await WORKLOADS[name](int(line))
        print(json.dumps([time.process_time() - cpu, time.perf_counter() - wall]), flush=True)


if __name__ == "__main__":
    if sys.argv[2] == "uvloop":
        import uvloop

        uvloop.run(obey(sys.argv[1]))
    else:
        asyncio.run(obey(sys.argv[1]))
