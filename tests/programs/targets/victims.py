# needs: uvicorn, fastapi, httpx
"""Requests that waited for a stall in the handler of another one."""

import asyncio
import time

import httpx
import uvicorn
from _truth import quiet, run
from fastapi import FastAPI

app = FastAPI()
client = httpx.AsyncClient(verify=False)


@app.get("/slow")
async def slow() -> str:
    time.sleep(0.3)  # expect: UJ101 leaf=time.sleep victims=1
    return "done"


@app.get("/quick")
async def quick() -> str:
    return "done"


async def main() -> None:
    config = uvicorn.Config(app, port=0, log_level="warning")
    config.load()
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    client.base_url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    async with client:
        await asyncio.gather(*(client.get("/quick") for _ in range(4)))
        await quiet()
        await asyncio.gather(client.get("/slow"), *(client.get("/quick") for _ in range(3)))
        await quiet()
    server.should_exit = True
    await serving


run(main())
