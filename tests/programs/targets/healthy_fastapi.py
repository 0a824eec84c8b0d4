# needs: uvicorn, fastapi, httpx
# serial: what it imports is collected while it runs, and that computes
"""Slow endpoints, asynchronous ones and fewer synchronous ones than anyio has tokens."""

import asyncio
import time

import httpx
from _truth import quiet, run
from _uvicorn import configured, serving
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


config = configured(app)


async def main() -> None:
    async with serving(config) as client.base_url, client:
        await quiet()
        asking = []
        for path in ["/threaded", "/awaited"] * 8:
            asking.append(asyncio.create_task(client.get(path)))
            await asyncio.sleep(0.005)
        await asyncio.gather(*asking)


run(main())
