"""A big sort."""

import random

from _truth import measured, quiet, run

# serial: what computes is judged alone

dice = random.Random(1)
ROWS = [dice.random() for _ in range(700_000)]


async def main() -> None:
    await quiet()
    with measured():
        sorted(ROWS)  # expect: UJ303 leaf=sorted
    await quiet()


run(main())
