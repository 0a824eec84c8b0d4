# needs: asgiref
"""Two calls that need not share asgiref's single thread."""

import asyncio
import time

from _truth import quiet, run
from asgiref.sync import sync_to_async


async def main() -> None:
    await quiet()
    await asyncio.gather(*(sync_to_async(time.sleep, thread_sensitive=False)(0.2) for _ in range(2)))
    await quiet()


run(main())
