# needs: uvicorn, fastapi, httpx
"""A handler of a real server, asked over HTTP; the request that came meanwhile waited."""

import asyncio
import time

import httpx
import uvicorn
from _truth import measured, quiet, run
from fastapi import FastAPI

app = FastAPI()
client = httpx.AsyncClient(verify=False)


@app.get("/price")
async def price() -> float:
    with measured():
        time.sleep(0.2)  # expect: UJ101 leaf=time.sleep count=1
    return 9.95


async def main() -> None:
    config = uvicorn.Config(app, port=0, log_level="warning")
    config.load()
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    client.base_url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    async with client:
        (await client.get("/openapi.json")).raise_for_status()
        await quiet()
        (await client.get("/price")).raise_for_status()
        await quiet()
    server.should_exit = True
    await serving


run(main())
