"""One timeout that fires for three reasons: its call queued behind a full pool, the loop was away, the other side was slow."""

import asyncio
import time
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor

from _truth import quiet, run

# expect: UJ601 culprit=any


async def replies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(16))
    await writer.drain()


async def limited(work: Awaitable[object]) -> bool:
    try:
        async with asyncio.timeout(0.2):
            await work  # expect: UJ701 says=pool
    except TimeoutError:
        return True
    return False


async def pool_is_full() -> None:
    busy = asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.5)
    assert await limited(asyncio.to_thread(len, "short"))
    await busy


async def loop_is_away(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello")
    task = asyncio.create_task(limited(reader.readexactly(5)))
    await asyncio.sleep(0)
    # expect-next: UJ701 says=away
    time.sleep(0.35)  # expect: UJ101 leaf=time.sleep count=1
    assert await task


async def other_side_is_slow(port: int) -> None:
    reader, _ = await asyncio.open_connection("127.0.0.1", port)
    assert await limited(reader.readexactly(5))


async def main() -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    server = await asyncio.start_server(replies, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await quiet()
    await pool_is_full()
    await loop_is_away(port)
    await other_side_is_slow(port)
    await quiet()


run(main())
