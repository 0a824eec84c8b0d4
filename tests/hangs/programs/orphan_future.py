"""A task waits for a future that nobody will set: a lead."""  # expect: lead UJ803 suspected

import asyncio


async def main():
    future = asyncio.get_running_loop().create_future()
    await future  # here


asyncio.run(main())
