# namespaces
"""Faults where /proc cannot be read: what the stack and the CPU clock tell is told, with the lower grade."""

import time

from _namespace import without_proc
from _truth import quiet, run

# serial: what computes is judged alone


async def main() -> None:
    await quiet()
    time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1
    await quiet()
    sum(number * number % 7 for number in range(2_000_000))  # expect: UJ301
    await quiet()


without_proc()
run(main())
