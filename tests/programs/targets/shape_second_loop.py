"""A second loop in a second thread: the other one is innocent."""

import asyncio
import threading
import time

from _truth import quiet, run


async def second() -> None:
    await quiet()
    time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1 thread=second
    await quiet()


async def main() -> None:
    thread = threading.Thread(target=asyncio.run, args=(second(),), name="second")
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.01)


run(main())
