# needs: uvicorn, fastapi, httpx
# serial: what it imports is collected while it runs, and that computes
"""More requests to a synchronous endpoint than anyio has tokens."""

import asyncio
import threading

import httpx
from _truth import quiet, run
from _uvicorn import configured, serving
from fastapi import FastAPI

app = FastAPI()
client = httpx.AsyncClient(verify=False, limits=httpx.Limits(max_connections=60))
released = threading.Semaphore(0)

# expect: UJ601 culprit=any


@app.get("/slow")
def slow() -> str:
    released.acquire()
    return "done"


config = configured(app)


async def main() -> None:
    async with serving(config) as client.base_url, client:
        await quiet()
        asking = []
        for _ in range(48):
            asking.append(asyncio.create_task(client.get("/slow")))
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.2)
        # One after the other: all answers in one turn would be a crowd, which is a fault of its own on a slow machine.
        for _ in asking:
            released.release()
            await asyncio.sleep(0.005)
        await asyncio.gather(*asking)


run(main())
