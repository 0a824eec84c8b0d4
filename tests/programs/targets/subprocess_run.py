"""A program that is waited for."""

import subprocess

from _truth import measured, quiet, run


async def main() -> None:
    await quiet()
    with measured():
        subprocess.run(["sleep", "0.15"], check=True)  # expect: UJ107 leaf=subprocess.run
    await quiet()


run(main())
