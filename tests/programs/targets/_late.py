"""Clients that ask during a stall in the handler of another one's request."""

import asyncio
import http.client
import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import uvicorn
from _truth import quiet
from _uvicorn import serving

held = threading.Event()
"""Set as the stall of /slow begins."""
asked: list[str] = []
"""What others have asked for meanwhile."""
LATE = 3
pool = ThreadPoolExecutor(1 + LATE)


def until_asked() -> Iterator[int]:
    """Rounds of a stall: one at least, and one more once all others have asked, however late they come to run."""
    held.set()
    rounds = itertools.count()
    yield next(rounds)
    while len(asked) < LATE:
        yield next(rounds)
    yield next(rounds)


class Client:
    """A connection that is kept, used from a thread."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
        self.ask("/quick/1")

    def ask(self, path: str, *, meanwhile: bool = False) -> None:
        """Ask, in the stall of another one's request where that is wanted."""
        if meanwhile:
            held.wait()
        self._connection.request("GET", path)
        if meanwhile:
            asked.append(path)
        self._connection.getresponse().read()


async def one_slow_and_three_late(config: uvicorn.Config) -> None:
    """Ask for /slow, and three times for /quick/7 while it holds the loop."""
    loop = asyncio.get_running_loop()
    async with serving(config) as url:
        clients = [await loop.run_in_executor(pool, Client, url) for _ in range(1 + LATE)]
        await quiet()
        late = [loop.run_in_executor(pool, partial(client.ask, meanwhile=True), "/quick/7") for client in clients[1:]]
        await asyncio.gather(loop.run_in_executor(pool, clients[0].ask, "/slow"), *late)
        await quiet()
