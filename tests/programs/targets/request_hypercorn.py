# needs: hypercorn, fastapi
# loops: asyncio
"""A request of Hypercorn that holds the loop is named by its route, without a middleware."""

import asyncio
import gc
import socket
import time
import urllib.request

from _truth import quiet, run
from fastapi import FastAPI
from hypercorn.asyncio import serve
from hypercorn.config import Config

app = FastAPI()


@app.get("/quick")
async def quick() -> str:
    return "done"


@app.get("/slow/{number}")
async def slow(number: int) -> str:
    time.sleep(0.15)  # expect: UJ101 leaf=time.sleep count=1 holder=/slow/{number}
    return "done"


def ask(port: int, path: str) -> None:
    urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20).read()


async def main() -> None:
    listening, config, ended = socket.create_server(("127.0.0.1", 0)), Config(), asyncio.Event()
    config.bind = [f"fd://{listening.fileno()}"]
    port = listening.getsockname()[1]
    serving = asyncio.create_task(serve(app, config, shutdown_trigger=ended.wait))
    await asyncio.to_thread(ask, port, "/quick")
    await quiet()
    await asyncio.to_thread(ask, port, "/slow/7")
    await quiet()
    ended.set()
    await serving


gc.freeze()  # on a busy machine a collection of all that was imported is a stall, and a true finding
run(main())
