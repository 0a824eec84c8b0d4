# needs: uvicorn, fastapi, httpx
"""A handler of a real server, asked over HTTP; the request that came meanwhile waited."""

import time

import httpx
from _truth import measured, quiet, run
from _uvicorn import configured, serving
from fastapi import FastAPI

app = FastAPI()
client = httpx.AsyncClient(verify=False)


@app.get("/price")
async def price() -> float:
    with measured():
        time.sleep(0.2)  # expect: UJ101 leaf=time.sleep count=1
    return 9.95


@app.get("/healthz")
async def healthz() -> str:
    return "well"


config = configured(app)


async def main() -> None:
    async with serving(config) as client.base_url, client:
        (await client.get("/healthz")).raise_for_status()
        await quiet()
        (await client.get("/price")).raise_for_status()
        await quiet()


run(main())
