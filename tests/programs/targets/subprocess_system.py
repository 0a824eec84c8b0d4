"""A shell command that is waited for, in C."""

import os

from _truth import measured, quiet, run


async def main() -> None:
    await quiet()
    with measured():
        os.system("sleep 0.15")  # expect: UJ107 leaf=os.system
    await quiet()


run(main())
