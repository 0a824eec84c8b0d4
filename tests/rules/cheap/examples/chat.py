"""What somebody runs by hand to see how it is done: notes."""

import time

from cheap.asked import ask


async def chat():
    while True:
        time.sleep(1)  # note: UJ101 time.sleep
        ask()
