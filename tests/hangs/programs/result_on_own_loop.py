"""The loop waits for a future that only it can set."""  # expect: UJ801 exact

import asyncio


async def fetch():
    return 1


async def main():
    loop = asyncio.get_running_loop()
    asyncio.run_coroutine_threadsafe(fetch(), loop).result()  # here


asyncio.run(main())
