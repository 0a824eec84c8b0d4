"""Two thousand threads that wait for work."""

import asyncio
import queue
import threading

threading.stack_size(1 << 18)


async def main():
    work = queue.Queue()
    for _ in range(2000):
        threading.Thread(target=work.get, daemon=True).start()
    await asyncio.sleep(80)


asyncio.run(main())
