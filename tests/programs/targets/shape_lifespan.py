# needs: uvicorn, fastapi
"""A start-up hook of a real server."""

import time
from contextlib import asynccontextmanager

from _truth import quiet, run
from _uvicorn import configured, serving
from fastapi import FastAPI


@asynccontextmanager
async def lifespan(app: FastAPI):
    await quiet()
    time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1
    yield


config = configured(FastAPI(lifespan=lifespan))


async def main() -> None:
    async with serving(config):
        await quiet()


run(main())
