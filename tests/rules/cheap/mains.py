"""Main coroutines: nobody waits for what one does once while nothing runs beside it."""

import asyncio
import time


async def main():
    time.sleep(1)  # note: UJ101 time.sleep
    await stage()
    while True:
        time.sleep(1)  # error: UJ101 time.sleep


async def stage():
    time.sleep(1)  # note: UJ101 time.sleep


async def main_of_many():
    task = asyncio.create_task(beside())
    time.sleep(1)  # warning: UJ101 time.sleep
    await task


async def beside():
    time.sleep(1)  # warning: UJ101 time.sleep


asyncio.run(main())
asyncio.run(main_of_many())
