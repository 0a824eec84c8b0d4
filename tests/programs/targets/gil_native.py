# serial
"""A thread that keeps the GIL in native code: the loop is innocent."""

import asyncio
import random
import threading

from _truth import holding, quiet, run

dice = random.Random(1)
ROWS = [dice.random() for _ in range(700_000)]


def crunch() -> None:
    with holding():
        sorted(ROWS)  # expect: UJ501 required=native


async def main() -> None:
    await quiet(marked=False)
    thread = threading.Thread(target=crunch, name="cruncher")
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.005)


run(main())
