# needs: uvicorn, fastapi, httpx
"""Slow endpoints, asynchronous ones and fewer synchronous ones than anyio has tokens."""

import asyncio
import time

import httpx
import uvicorn
from _truth import quiet, run
from fastapi import FastAPI

app = FastAPI()
client = httpx.AsyncClient(verify=False)


@app.get("/threaded")
def threaded() -> str:
    time.sleep(0.2)
    return "done"


@app.get("/awaited")
async def awaited() -> str:
    await asyncio.sleep(0.2)
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
        await quiet()
        asking = []
        for path in ["/threaded", "/awaited"] * 8:
            asking.append(asyncio.create_task(client.get(path)))
            await asyncio.sleep(0.005)
        await asyncio.gather(*asking)
    server.should_exit = True
    await serving


run(main())
