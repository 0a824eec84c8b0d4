# namespaces
# serial: it cannot tell how long the machine gave it no CPU
"""A wait where /proc cannot be read: what the stack and the CPU clock tell is told, with the lower grade."""

import time

from _namespace import without_proc
from _truth import measured, quiet, run


async def main() -> None:
    await quiet()
    with measured():
        time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1
    await quiet()


without_proc()
run(main())
