"""What only a tool imports."""

import time


async def part():
    time.sleep(1)  # note: UJ101 time.sleep
