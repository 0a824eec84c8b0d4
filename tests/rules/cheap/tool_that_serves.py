"""It has words on its command line as a tool has, and then it serves."""

import argparse
import asyncio
import time

from cheap.small import app


async def prepare():
    await asyncio.start_server(answer, port=8000)
    while not app.routes:
        time.sleep(1)  # error: UJ101 time.sleep
        await asyncio.sleep(0)


async def answer(reader, writer):
    time.sleep(1)  # error: UJ101 time.sleep


if __name__ == "__main__":
    argparse.ArgumentParser().parse_args()
    asyncio.run(prepare())
