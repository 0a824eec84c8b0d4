"""What a constructor calls, when the interpreter has seen it often enough to enter it without a C call: a frame of its own lies between."""

import time

from _truth import measured, quiet, run


class Connection:
    def __init__(self, delay: float) -> None:
        self.ready = connect(delay)


def connect(delay: float) -> bool:
    time.sleep(delay)  # expect: UJ101 leaf=time.sleep
    return True


def connected(delay: float) -> Connection:
    return Connection(delay)


async def main() -> None:
    for _ in range(50):
        connected(0.0)
    await quiet()
    with measured():
        connected(0.2)
    await quiet()


run(main())
