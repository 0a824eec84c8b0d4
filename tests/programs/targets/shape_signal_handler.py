"""Signal handlers: the loop's, and Python's own while the loop runs."""

import asyncio
import os
import signal
import time

from _truth import quiet, run


def by_the_loop() -> None:
    time.sleep(0.12)  # expect: UJ101 leaf=time.sleep count=1


def by_python(number: int, frame: object) -> None:
    time.sleep(0.12)  # expect: UJ101 leaf=time.sleep count=1


async def main() -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, by_the_loop)
    signal.signal(signal.SIGUSR2, by_python)
    await quiet()
    os.kill(os.getpid(), signal.SIGUSR1)
    await quiet()
    os.kill(os.getpid(), signal.SIGUSR2)
    await quiet()


run(main())
