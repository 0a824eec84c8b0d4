"""A read of a pipe whose other end answers late: no file on a disk."""

import os
import threading

from _truth import measured, quiet, run


def answer(writing: int) -> None:
    os.write(writing, b"x")


async def main() -> None:
    reading, writing = os.pipe()
    await quiet()
    for _ in range(3):
        threading.Timer(0.15, answer, (writing,)).start()
        with measured():
            os.read(reading, 1)  # expect: UJ103 leaf=os.read count=3
        await quiet()


run(main())
