# serial
"""Busy processes on the same core, and a polite loop: ready to run, and no CPU given."""

from _hogs import beside_hogs
from _truth import quiet, run

# expect: UJ502 culprit=none required=native


async def main() -> None:
    for _ in range(3):
        await quiet()
        sum(range(400_000))


with beside_hogs():
    run(main())
