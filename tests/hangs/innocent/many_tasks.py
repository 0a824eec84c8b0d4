"""Ten thousand tasks that sleep, a hundred threads that wait for work."""

import asyncio
import queue
import threading


async def sleeper():
    await asyncio.sleep(80)


async def main():
    work = queue.Queue()
    for _ in range(100):
        threading.Thread(target=work.get, daemon=True).start()
    await asyncio.gather(*[sleeper() for _ in range(10_000)])


asyncio.run(main())
