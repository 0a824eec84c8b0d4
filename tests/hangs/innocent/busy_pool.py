"""A pool with a long queue, every worker busy and getting on."""

import asyncio
import time


async def main():
    while True:
        await asyncio.gather(*[asyncio.to_thread(time.sleep, 0.02) for _ in range(1000)])


asyncio.run(main())
