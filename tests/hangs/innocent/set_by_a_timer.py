"""A future is set by a timer, an event by a signal handler, a queue is fed by a callback of a file descriptor."""

import asyncio
import os
import signal
import threading


async def main():
    loop = asyncio.get_running_loop()
    soon = loop.create_future()
    loop.call_later(80, soon.set_result, 1)
    stop = threading.Event()
    signal.signal(signal.SIGUSR2, lambda number, frame: stop.set())
    read, write = os.pipe()
    queue = asyncio.Queue()
    loop.add_reader(read, lambda: queue.put_nowait(os.read(read, 1)))
    thread = threading.Thread(target=stop.wait, daemon=True)
    thread.start()
    await asyncio.gather(soon, queue.get())
    os.close(write)


asyncio.run(main())
