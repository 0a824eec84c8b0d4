"""A big sort."""

import random

from _truth import measured, quiet, run

# serial: what computes is judged alone
# The twin is frozen with the program: it may be unable to tell, and then says so and accuses nobody.

dice = random.Random(1)
ROWS = [dice.random() for _ in range(700_000)]


async def main() -> None:
    await quiet()
    with measured():
        sorted(ROWS)  # expect: UJ303 leaf=sorted required=native
    await quiet()


run(main())
