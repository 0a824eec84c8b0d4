# serial
"""A thread that computes in Python while a step of the loop gives the GIL away again and again."""

import hashlib
import threading

from _truth import holding, measured, quiet, run

DATA = bytes(1 << 20)
stopping = threading.Event()


def crunch() -> None:
    with holding():
        while not stopping.is_set():
            sum(number * number for number in range(20_000))  # expect: UJ501 required=native thread=cruncher


async def main() -> None:
    threading.Thread(target=crunch, name="cruncher").start()
    await quiet(marked=False)
    with measured():
        for _ in range(60):
            hashlib.sha256().update(DATA)
    stopping.set()
    await quiet(marked=False)


run(main())
