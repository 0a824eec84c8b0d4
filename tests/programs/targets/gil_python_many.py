# serial
"""Many threads that compute in Python: the loop is woken and has to queue for the GIL."""

import asyncio
import threading
import time

from _truth import holding, quiet, run

starting, stopping = threading.Event(), threading.Event()


def crunch() -> None:
    starting.wait()
    with holding():
        while not stopping.is_set():
            sum(number * number for number in range(20_000))  # expect: UJ501 required=native


async def main() -> None:
    for number in range(16):
        threading.Thread(target=crunch, name=f"cruncher-{number}").start()
    await quiet(marked=False)
    end = time.monotonic() + 0.6
    starting.set()
    while time.monotonic() < end:
        await asyncio.sleep(0.005)
    stopping.set()
    await quiet(marked=False)


run(main())
