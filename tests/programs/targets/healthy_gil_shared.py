# serial
"""One thread that computes in Python: the loop gets the GIL back within the switch interval."""

import asyncio
import threading

from _truth import run

stopping = threading.Event()


def crunch() -> None:
    while not stopping.is_set():
        sum(number * number for number in range(20_000))


async def main() -> None:
    thread = threading.Thread(target=crunch)
    thread.start()
    for _ in range(40):
        await asyncio.sleep(0.005)
    stopping.set()
    thread.join()


run(main())
