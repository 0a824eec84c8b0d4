# needs: uvicorn, fastapi
"""Requests that came during a stall in the handler of another one."""

import asyncio
import http.client
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from _truth import quiet, run
from _uvicorn import configured, serving
from fastapi import FastAPI

app = FastAPI()
pool = ThreadPoolExecutor(4)
held = threading.Event()


@app.get("/slow")
async def slow() -> str:
    held.set()
    time.sleep(0.3)  # expect: UJ101 leaf=time.sleep victims=1 late-asyncio=/quick/{number}
    return "done"


@app.get("/quick/{number}")
async def quick(number: int) -> str:
    return "done"


config = configured(app)


class Client:
    """A connection that is kept, used from a thread."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
        self.ask("/quick/1")

    def ask(self, path: str, when: threading.Event | None = None) -> None:
        """Ask, once something has happened."""
        if when is not None:
            when.wait()
        self._connection.request("GET", path)
        self._connection.getresponse().read()


async def main() -> None:
    loop = asyncio.get_running_loop()
    async with serving(config) as url:
        clients = [await loop.run_in_executor(pool, Client, url) for _ in range(4)]
        await quiet()
        late = [loop.run_in_executor(pool, client.ask, "/quick/7", held) for client in clients[1:]]
        await asyncio.gather(loop.run_in_executor(pool, clients[0].ask, "/slow"), *late)
        await quiet()


run(main())
