"""A sleep that was meant to be awaited."""

import time

from _truth import measured, quiet, run


async def main() -> None:
    await quiet()
    with measured():
        time.sleep(0.15)  # expect: UJ101 leaf=time.sleep grade=exact
    await quiet()


run(main())
