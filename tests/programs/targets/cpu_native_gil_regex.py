"""A regular expression that backtracks."""

import re

from _truth import measured, quiet, run

# serial: what computes is judged alone
# The twin is frozen with the program: it may be unable to tell, and then says so and accuses nobody.

PATTERN = re.compile(r"(a+)+$")


async def main() -> None:
    await quiet()
    with measured():
        PATTERN.match("a" * 22 + "b")  # expect: UJ303 required=native
    await quiet()


run(main())
