# needs: uvicorn, fastapi
"""A start-up hook of a real server."""

import asyncio
import time
from contextlib import asynccontextmanager

import uvicorn
from _truth import quiet, run
from fastapi import FastAPI


@asynccontextmanager
async def lifespan(app: FastAPI):
    await quiet()
    time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1
    yield


async def main() -> None:
    config = uvicorn.Config(FastAPI(lifespan=lifespan), port=0, log_level="warning")
    config.load()
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    await quiet()
    server.should_exit = True
    await serving


run(main())
