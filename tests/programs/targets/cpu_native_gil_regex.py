"""A regular expression that backtracks."""

import re

from _truth import measured, quiet, run

# serial: what computes is judged alone

PATTERN = re.compile(r"(a+)+$")


async def main() -> None:
    await quiet()
    with measured():
        PATTERN.match("a" * 22 + "b")  # expect: UJ303
    await quiet()


run(main())
