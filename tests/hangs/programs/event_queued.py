"""The loop waits for an event whose set() it has queued itself."""  # expect: UJ801 exact

import asyncio
import threading


async def main():
    done = threading.Event()
    asyncio.get_running_loop().call_soon(done.set)
    done.wait()  # here


asyncio.run(main())
