"""A loop that has nothing to do."""

import asyncio

from _truth import run

run(asyncio.sleep(0.4))
