"""The same line three times, and another line once: two findings."""

import time

from _truth import measured, quiet, run


def pause() -> None:
    time.sleep(0.1)  # expect: UJ101 leaf=time.sleep count=3 ms=thrice


async def main() -> None:
    for _ in range(3):
        await quiet()
        with measured("thrice"):
            pause()
    await quiet()
    with measured("once"):
        time.sleep(0.12)  # expect: UJ101 leaf=time.sleep count=1 ms=once
    await quiet()


run(main())
