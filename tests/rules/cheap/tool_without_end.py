"""It has words on its command line as a tool has, and works until somebody stops it."""

import argparse
import asyncio
import time


async def work():
    while True:
        time.sleep(1)  # error: UJ101 time.sleep
        await asyncio.sleep(0)


async def counted(count: int):
    while count > 0:
        time.sleep(1)  # note: UJ101 time.sleep
        await asyncio.sleep(0)
        count -= 1


if __name__ == "__main__":
    argparse.ArgumentParser().parse_args()
    asyncio.run(counted(3))
    asyncio.run(work())
