"""What an example calls, and what others call too."""

import time


def ask():
    time.sleep(1)  # note: UJ101 time.sleep
    return again()


def again():
    time.sleep(1)  # error: UJ101 time.sleep


async def handler():
    return again()
