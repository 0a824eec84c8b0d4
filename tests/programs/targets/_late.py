"""Clients that ask during a stall in the handler of another one's request."""

import asyncio
import http.client
import threading
from concurrent.futures import ThreadPoolExecutor

import uvicorn
from _truth import quiet
from _uvicorn import serving

pool = ThreadPoolExecutor(4)
held = threading.Event()
"""Set by the handler of /slow as its stall begins."""


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


async def one_slow_and_three_late(config: uvicorn.Config) -> None:
    """Ask for /slow, and three times for /quick/7 while it holds the loop."""
    loop = asyncio.get_running_loop()
    async with serving(config) as url:
        clients = [await loop.run_in_executor(pool, Client, url) for _ in range(4)]
        await quiet()
        late = [loop.run_in_executor(pool, client.ask, "/quick/7", held) for client in clients[1:]]
        await asyncio.gather(loop.run_in_executor(pool, clients[0].ask, "/slow"), *late)
        await quiet()
