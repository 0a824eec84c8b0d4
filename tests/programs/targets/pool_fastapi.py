# needs: uvicorn, fastapi, httpx
"""More requests to a synchronous endpoint than anyio has tokens."""

import asyncio
import threading

import httpx
import uvicorn
from _truth import quiet, run
from fastapi import FastAPI

app = FastAPI()
client = httpx.AsyncClient(verify=False, limits=httpx.Limits(max_connections=60))
released = threading.Event()

# expect: UJ601 culprit=any


@app.get("/slow")
def slow() -> str:
    released.wait()
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
        for _ in range(48):
            asking.append(asyncio.create_task(client.get("/slow")))
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.2)
        released.set()
        await asyncio.gather(*asking)
    server.should_exit = True
    await serving


run(main())
