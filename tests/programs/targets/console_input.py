"""A question to a person."""

import os
import threading

from _truth import measured, quiet, run


async def main() -> None:
    reading, writing = os.pipe()
    os.dup2(reading, 0)
    threading.Timer(0.2, os.write, (writing, b"yes\n")).start()
    await quiet()
    with measured():
        input()  # expect: UJ108 leaf=input
    await quiet()


run(main())
