# needs: asgiref
"""Two calls that share asgiref's single thread."""

import asyncio
import time

from _truth import quiet, run
from asgiref.sync import sync_to_async

# expect: UJ601 culprit=any


async def main() -> None:
    await quiet()
    await asyncio.gather(*(sync_to_async(time.sleep)(0.2) for _ in range(2)))
    await quiet()


run(main())
