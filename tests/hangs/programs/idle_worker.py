"""The loop waits for a lock whose holder waits for the loop, while a worker of a pool has nothing to do."""  # expect: UJ801 exact

import asyncio
import threading
import time

LOCK = threading.Lock()


async def fetch():
    return 1


def export(loop):
    with LOCK:
        time.sleep(0.1)
        asyncio.run_coroutine_threadsafe(fetch(), loop).result()


def read():
    with LOCK:  # here
        return 1


async def main():
    await asyncio.to_thread(time.sleep, 0.01)
    threading.Thread(target=export, args=(asyncio.get_running_loop(),), name="exporter", daemon=True).start()
    await asyncio.sleep(0.05)
    read()


asyncio.run(main())
