"""The loop waits for an event that only a task of it sets."""  # expect: UJ801 inferred

import asyncio
import threading


async def setter(done):
    done.set()


async def main():
    done = threading.Event()
    task = asyncio.create_task(setter(done), name="setter")
    done.wait()  # here
    await task


asyncio.run(main())
