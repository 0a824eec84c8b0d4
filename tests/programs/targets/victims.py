# needs: uvicorn, fastapi, httpx
"""Requests that waited for a stall in the handler of another one."""

import asyncio
import time

import httpx
from _truth import quiet, run
from _uvicorn import configured, serving
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


config = configured(app)


async def main() -> None:
    async with serving(config) as client.base_url, client:
        await asyncio.gather(*(client.get("/quick") for _ in range(4)))
        await quiet()
        await asyncio.gather(client.get("/slow"), *(client.get("/quick") for _ in range(3)))
        await quiet()


run(main())
